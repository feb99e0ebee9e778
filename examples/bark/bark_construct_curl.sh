#!/usr/bin/env bash
# Run: bash -c "$(./examples/bark/bark_construct_curl.sh http://localhost:9876) -s -o /dev/null -w '%{url}'"
# Prints a curl command, and that one a URL to open in a browser: the whole page is in its query.
set -euo pipefail

url="${1:-http://localhost:9876}"
examples=$(cd "$(dirname "$0")/.." && pwd)

adaptor=$(
  PYTHONPATH="$examples" python3 - "$examples/bark/bark.html" <<'PYTHON'
import sys
from pathlib import Path

from page import assemble

html = assemble(Path(sys.argv[1]))
print(f"def run(request):\n    return {html!r}")
PYTHON
)
echo "curl --fail-with-body -G --data-urlencode \"code_b64=$(base64 -w 0 <<<"$adaptor")\" $url"
