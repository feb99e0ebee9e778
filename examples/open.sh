#!/usr/bin/env bash
# Run: ./examples/open.sh speech http://localhost:9876
# Opens the page of an example in the browser, and prints its URL.
set -euo pipefail

name="${1:-}" url="${2:-http://localhost:9876}"
examples=$(cd "$(dirname "$0")" && pwd)
page="$examples/$name/$name.html"

if [[ ! -f "$page" ]]; then
  echo "Which example? Those with a page are: $(cd "$examples" && echo */*.html | sed 's:/[^ ]*::g')" >&2
  exit 2
fi

page_url=$(owt encode "$examples/page.py" "page=$page" --url "$url/$name")
# Called once from here, so that what is wrong is said here.
if ! answer=$(curl --silent --show-error --fail-with-body "$page_url"); then
  echo "$answer" >&2
  exit 1
fi

echo "$page_url"
if [[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]]; then
  xdg-open "$page_url"
fi
