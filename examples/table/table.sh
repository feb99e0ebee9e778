#!/usr/bin/env bash
# Run: ./examples/table/table.sh examples/table/planets.csv kind http://localhost:9876 text/csv
# Sends a CSV file as it is, and prints the means of its columns, for each value of one of them.
set -euo pipefail

file="${1:?which CSV file?}" by="${2:?which column?}" url="${3:-http://localhost:9876}" accept="${4:-text/csv}"

# The call is in the URL, so that the body is the file and nothing else.
curl --silent --show-error --fail-with-body \
  --header "Content-Type: text/csv" --header "Accept: $accept" --data-binary "@$file" \
  "$(owt encode "$(dirname "$0")/table.py" "by=$by" --url "$url/table")"
