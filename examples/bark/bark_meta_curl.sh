#!/usr/bin/env bash
# Run: bash -c "$(./examples/bark/bark_meta_curl.sh http://localhost:9876) -s -o /dev/null -w '%{url}'"
# The same, but the URL stays short and the page is made anew from the files at each reload.
set -euo pipefail

url="${1:-http://localhost:9876}"

adaptor='
from subprocess import PIPE, run as command


def run(request, base_url):
    construct = f"./example/bark/bark_construct_curl.sh {base_url}"
    done = command(["bash", "-c", f"eval \"$({construct}) --silent\""], stdout=PIPE, text=True)
    return (done.stdout, 502) if done.returncode else done.stdout
'
kwargs="{\"base_url\": \"$url\"}"
echo "curl --fail-with-body -G" \
  "--data-urlencode code_b64=$(base64 -w 0 <<<"$adaptor")" \
  "--data-urlencode kwargs_b64=$(base64 -w 0 <<<"$kwargs")" \
  "$url"
