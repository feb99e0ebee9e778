#!/usr/bin/env bash
# Run: ./examples/speech/speech.sh http://localhost:9876/owl.wav "Hello! This is owt." /tmp/owl.wav
# Saves spoken text as a WAV file; the same text comes from the cache the second time.
set -euo pipefail

url="${1:-http://localhost:9876/owl.wav}" text="${2:-Hello! This is owt.}" file="${3:-/tmp/owl.wav}"

# What the server says, if it is no sound, is for the terminal.
answer=$(mktemp)
trap 'rm "$answer"' EXIT
printf %s "$text" |
  owt encode "$(dirname "$0")/speech.py" text:@- --use-cache --cache-kwargs --format json |
  curl --silent --show-error --fail-with-body --json @- "$url" --output "$answer" ||
  { cat "$answer" >&2 && exit 1; }
cat "$answer" >"$file"
echo "Wrote $file"
