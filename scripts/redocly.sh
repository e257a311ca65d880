#!/bin/sh
# The schema by Redocly's recommended rules, of which scripts/redocly.yaml leaves out what our addresses settle:
# ./check redocly. It comes by npm; where there is none, a note says so.
set -eu
ROOT=$(cd "$(dirname "$0")/.." && pwd)
if ! command -v npx >/dev/null; then echo "note: nothing was looked at, there is no npx (Node.js) here"; exit; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" "$ROOT/manage.py" spectacular --file "$work/schema.yaml"
# In a folder of its own: npx looks for packages where it is called.
cd "$work"
REDOCLY_TELEMETRY=off npx --yes @redocly/cli@2.77.0 lint --config "$ROOT/scripts/redocly.yaml" schema.yaml
