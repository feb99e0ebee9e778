#!/usr/bin/env bash
# Run: ./examples/meta/layers.sh http://localhost 9876
# A server in a server in a server …: the answer of each layer comes from one port further up.
set -euo pipefail

url="${1:-http://localhost}" port="${2:-9876}" layers="${3:-5}"

meta_b64=$(base64 -w 0 <examples/meta/bootstrap.py)
echo_b64=$(base64 -w 0 <examples/echo/echo.py)

# wrap CODE_B64 KWARGS_B64 prints the arguments that make bootstrap.py run that call one layer down.
wrap() {
  base64 -w 0 <<<"{\"payload_code_b64\": \"$1\", \"payload_kwargs_b64\": \"$2\"}"
}

name=owt
for layer in $(seq "$layers"); do
  name+=-inside-owt
  kwargs_b64=$(wrap "$echo_b64" "$(base64 -w 0 <<<"{\"name\": \"$name\"}")")
  for _ in $(seq 2 "$layer"); do
    kwargs_b64=$(wrap "$meta_b64" "$kwargs_b64")
  done
  curl --silent --show-error --fail-with-body --get \
    --data-urlencode "code_b64=$meta_b64" \
    --data-urlencode "kwargs_b64=$kwargs_b64" \
    "$url:$port"
  echo
done
