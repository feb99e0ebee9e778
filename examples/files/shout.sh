#!/usr/bin/env bash
# Run: ./examples/files/shout.sh /files/shout.py http://localhost:9876
# Prints a file in capital letters. The adaptor is one line, so curl alone will do.
set -euo pipefail

path="${1:?which file beneath examples?}" url="${2:-http://localhost:9876}"

curl --silent --show-error --fail-with-body --get "$url$path" \
  --data-urlencode 'code_b64='"$(base64 -w 0 <"$(dirname "$0")/shout.py")"
