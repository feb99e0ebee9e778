# Run: owt call examples/languages/hello.py name:owt --url http://localhost:9876/hello
def run(request, name):
    return f"Ay up, {name}! Tha's at {request.path}."
