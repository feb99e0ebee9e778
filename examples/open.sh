#!/usr/bin/env bash
# Run: ./examples/open.sh speech http://localhost:9876
# Opens the page of an example in the browser, and prints its URL.
set -euo pipefail

name="${1:?which example? bark, chat, listen or speech}" url="${2:-http://localhost:9876}"
examples=$(cd "$(dirname "$0")" && pwd)

page_url=$(owt encode "$examples/page.py" "page=$examples/$name/$name.html" --url "$url/$name")
# Called once from here, so that what is wrong is said here.
curl --silent --show-error --fail-with-body --output /dev/null "$page_url"

echo "$page_url"
if [[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]]; then
  xdg-open "$page_url"
fi
