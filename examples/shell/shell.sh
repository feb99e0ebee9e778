#!/usr/bin/env bash
# Run: ./examples/shell/shell.sh 'ls -l' http://localhost:9876
# Prints each line as the command does. Ctrl-C ends the command too, with all that it has started.
set -euo pipefail

command="${1:?which command?}" url="${2:-http://localhost:9876}"

owt call "$(dirname "$0")/shell.py" "command=$command" --url "$url"
