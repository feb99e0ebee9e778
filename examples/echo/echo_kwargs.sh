#!/usr/bin/env bash
# Run: ./examples/echo/echo_kwargs.sh http://localhost:9876
# The adaptor is a file of its own; code and arguments go by POST, as JSON.
set -euo pipefail

url="${1:-http://localhost:9876}"

code_b64=$(base64 -w 0 <"$(dirname "$0")/echo.py")
kwargs_b64=$(base64 -w 0 <<<"{'name': 'owt'}")

curl --silent --show-error --fail-with-body --json "$(jo code_b64="$code_b64" kwargs_b64="$kwargs_b64")" "$url/hello"
