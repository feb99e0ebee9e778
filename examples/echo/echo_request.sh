#!/usr/bin/env bash
# Run: ./examples/echo/echo_request.sh http://localhost:9876
# The whole call is a URL: code and arguments go by GET, in the query.
set -euo pipefail

url="${1:-http://localhost:9876}"

code_b64=$(base64 -w 0 <"$(dirname "$0")/echo.py")
kwargs_b64=$(base64 -w 0 <<<"{'name': 'owt'}")

curl --silent --show-error --fail-with-body --get \
  --data-urlencode "code_b64=$code_b64" \
  --data-urlencode "kwargs_b64=$kwargs_b64" \
  "$url"
