# Run: owt call examples/echo/echo.py name:owt


def run(request, name=None):
    here = Server.sing()
    return f"Hello, {name}, from {here.address}:{here.port}!"
