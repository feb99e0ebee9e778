#!/usr/bin/env bash
# Run: ./examples/listen/listen.sh tests/data/flite_kal16_hello.wav http://localhost:9876
# Prints what is said in a WAV file: each new guess as a line of JSON, while the file goes out.
set -euo pipefail

file="${1:?which WAV file?}" url="${2:-http://localhost:9876}"

curl --silent --show-error --fail-with-body --no-buffer \
  --header "Content-Type: audio/wav" --upload-file "$file" --request POST \
  "$(owt encode "$(dirname "$0")/listen.py" --url "$url/listen")"
