#!/usr/bin/env bash
# Run: ./examples/echo/echo_script.sh http://localhost:9876
# Everything in one file: the adaptor, its arguments, and the call.
set -euo pipefail

url="${1:-http://localhost:9876}"

adaptor='
def run(request, name: str):
    return f"Hello, {name}!"
'
kwargs="{'name': 'owt'}"

curl --silent --show-error --fail-with-body --json "$(
  jo code_b64="$(base64 -w 0 <<<"$adaptor")" kwargs_b64="$(base64 -w 0 <<<"$kwargs")"
)" "$url/hello"
