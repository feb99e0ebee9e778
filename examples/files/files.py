# Run: owt call examples/files/files.py --url http://localhost:9876/files/README.md
"""Serves a folder as a web server does: with media types, ranges and conditions."""

from owt.summat import files


def run(request):
    return files.serve(request, "examples")
