"""The code that the calls bring. Each gives an answer that its caller can tell beforehand."""

from textwrap import dedent


def _source(text: str) -> str:
    return dedent(text).lstrip()


TEXT = _source("""
    def run(request, n):
        return f"{n}"
""")

# The lock goes with its process, also if that is killed.
TAKING_TURNS = _source("""
    import fcntl
    import time

    def run(request, n):
        with open("turn", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return f"{n} is not alone"
            time.sleep(0.002)
        return f"{n}"
""")

WITH_PACKAGES = _source("""
    # /// script
    # dependencies = ["alpha"]
    # ///
    import alpha

    def run(request, n):
        return f"{alpha.version} {n}"
""")

SLEEPING = _source("""
    import time

    def run(request, n, seconds):
        time.sleep(seconds)
        return f"{n}"
""")

WAITING = _source("""
    import asyncio

    async def run(request, n, seconds):
        await asyncio.sleep(seconds)
        return f"{n}"
""")

# Loaded by one call while others wait for it, some of which lose their patience.
LOADING = _source("""
    import time

    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        time.sleep(0.001)

    def run(request, n):
        return f"{n}"
""")

# Waits in C, where it cannot be interrupted: for a child process, which is killed, or for time.
WAITING_IN_C = _source("""
    import subprocess
    import time

    def run(request, child):
        if child:
            subprocess.run(["sleep", "1.5"])
        else:
            time.sleep(1.5)
""")

BUSY = _source("""
    def run(request, n):
        total = 0
        for number in range(n):
            total += number * number
        return f"{total}"
""")

# Wakes up often enough to be interrupted, which Python cannot do in the middle of a sleep.
DOZING = _source("""
    import time

    def run(request):
        while True:
            time.sleep(0.005)
""")

ENDLESS = _source("""
    def run(request):
        while True:
            pass
""")

GENERATOR = _source("""
    def run(request, n, parts, size):
        for number in range(parts):
            yield f"{n} {number} ".ljust(size, ".")
""")

ASYNC_GENERATOR = _source("""
    import asyncio

    async def run(request, n, parts, size):
        for number in range(parts):
            if number % 8 == 1:
                await asyncio.sleep(0.001)
            yield f"{n} {number} ".ljust(size, ".")
""")

# Its generator runs in a thread of its own.
GENERATOR_LATER = _source("""
    import asyncio

    async def run(request, n, parts, size):
        await asyncio.sleep(0.001)
        return (f"{n} {number} ".ljust(size, ".") for number in range(parts))
""")

BEGUN_AND_DOZING = _source("""
    import time

    def run(request, n):
        yield f"begun {n}"
        while True:
            time.sleep(0.005)
""")

BEGUN_AND_WAITING = _source("""
    import asyncio

    async def run(request, n):
        yield f"begun {n}"
        await asyncio.sleep(60)
        yield "never"
""")

BEGUN_AND_RAISING = _source("""
    def run(request, n):
        yield f"begun {n}"
        raise ValueError(n)
""")

RAISING = _source("""
    def run(request, n):
        raise ValueError(n)
""")

ABORTING = _source("""
    def run(request, n):
        abort(418, f"{n}")
""")

DOWNLOAD = _source("""
    def run(request, n, times):
        return f"{n:9d}\\n".encode() * times
""")

DIGESTING = _source("""
    import hashlib

    def run(request):
        return hashlib.sha256(request.data).hexdigest()
""")

ECHO = _source("""
    def run(request):
        return request.data
""")

IGNORING = _source("""
    def run(request):
        return "not read"
""")

TASTING = _source("""
    def run(request):
        return next(iter(request.stream))[:1]
""")

REFUSING = _source("""
    def run(request):
        abort(422, "not wanted")
""")

DIGESTING_PIECES = _source("""
    import hashlib

    def run(request):
        seen = hashlib.sha256()
        for piece in request.stream:
            seen.update(piece)
        return seen.hexdigest()
""")

DIGESTING_LATER = _source("""
    import hashlib

    async def run(request):
        seen = hashlib.sha256()
        async for piece in request.stream:
            seen.update(piece)
        return seen.hexdigest()
""")

# Answers while its body is still on the way.
EARLY = _source("""
    import hashlib

    def run(request, n):
        yield f"early {n} "
        yield hashlib.sha256(request.data).hexdigest()
""")

STREAMED_ECHO = _source("""
    def run(request):
        data = request.data
        for start in range(0, len(data), 3000):
            yield data[start : start + 3000]
""")

FORM = _source("""
    import hashlib

    def run(request):
        for name, value in request.form.items():
            yield f"{name}={value}\\n"
        for name, file in request.files.items():
            yield f"{name} {file.filename} {hashlib.sha256(file.read()).hexdigest()}\\n"
""")

# Says of each computation which one it was.
COMPUTING = _source("""
    import os
    import time

    def run(request, key, parts, size):
        token = os.urandom(8).hex()
        time.sleep(0.02)
        yield f"{key} {token}\\n"
        for number in range(parts):
            yield f"{token} {number} ".ljust(size, ".")
""")

# With a child process, which must not outlive its worker.
PARENT = _source("""
    import subprocess

    def run(request, n):
        script = "sleep 0.1; cat"
        child = subprocess.run(["sh", "-c", script], input=f"{n}", capture_output=True, text=True)
        return child.stdout
""")

LEAVING = _source("""
    import os

    def run(request):
        os._exit(3)
""")

CRASHING = _source("""
    import ctypes

    def run(request):
        ctypes.string_at(0)
""")

ABANDONING = _source("""
    import os

    def run(request):
        os.abort()
""")

# Holds the interpreter's lock inside native code: nothing in Python can end it.
STUCK = _source("""
    import ctypes

    def run(request):
        ctypes.PyDLL(None).sleep(3600)
""")

# Takes more memory than a worker may have, and keeps it.
GREEDY = _source("""
    import time

    def run(request):
        held = []
        while True:
            if len(held) < 25:
                held.append(b"x" * (32 << 20))
            time.sleep(0.01)
""")

# Waits inside native code, with the lock released: Python cannot end that either.
ASLEEP = _source("""
    import time

    def run(request):
        time.sleep(3600)
""")


def fresh(n: int) -> str:
    """Return code that no server has ever seen."""
    return f"N = {n}\n\n\ndef run(request):\n    return str(N)\n"


def slow_to_load(n: int, seconds: float) -> str:
    """Return code that no server has ever seen, and that takes its time when it is loaded."""
    return f"{LOADING.replace('0.2', str(seconds))}\n\nN = {n}\n"
