#!/usr/bin/env bash
# Run: ./examples/listen/listen.sh tests/data/flite_kal16_hello.wav http://localhost:9876
# Prints what is said in a WAV file: each new guess as a line of JSON, while the file goes out.
set -euo pipefail

file="${1:?which WAV file? - is standard input}" url="${2:-http://localhost:9876}"
if [[ "$file" == - ]]; then
  # As curl calls a standard input that it reads while answers come in.
  file=.
fi

curl --no-progress-meter --fail-with-body --no-buffer \
  --header "Content-Type: audio/wav" --upload-file "$file" --request POST \
  "$(owt encode "$(dirname "$0")/listen.py" --url "$url/listen")"
