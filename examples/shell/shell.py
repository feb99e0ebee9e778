# Run: ./examples/shell/shell.sh 'ls -l' http://localhost:9876
"""Runs a command where owt runs, and sends what it prints as it comes."""

from owt.summat import shell


def run(command):
    return shell.run(command), {"Content-Type": "text/plain; charset=utf-8"}
