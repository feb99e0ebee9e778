#!/usr/bin/env bash
# Run: ./examples/languages/hello.sh http://localhost:9876
# With curl: code in base64, arguments as they stand.
set -euo pipefail

url="${1:-http://localhost:9876}"

curl --silent --show-error --fail-with-body "$url/hello" \
  --data-urlencode "code_b64=$(base64 -w 0 <examples/languages/hello.py)" \
  --data-urlencode 'kwargs_b64={"name": "bash"}'
