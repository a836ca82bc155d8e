#!/usr/bin/env bash
# Puts the parts of the Redis Function library together; the result is committed, and `./dev check` compares it.
# usage: redis-scripts/build.sh [OUTPUT]
set -euo pipefail
cd "$(dirname "$0")"
cat weir/*.lua >"${1:-weir.lua}"
