#!/usr/bin/env bash
# Run: ./examples/filetype/filetype.sh README.md Cargo.toml
# Uploads files as a form does, and prints what kind each is.
set -euo pipefail

form=()
for file in "$@"; do form+=(--form "file=@$file"); done

curl --silent --show-error --fail-with-body "${form[@]}" \
  "$(owt encode "$(dirname "$0")/filetype.py" --url "${OWT_URL:-http://localhost:9876}/filetype")"
