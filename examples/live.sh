#!/bin/sh
# Follows a metric by server-sent events, with nothing but curl: ./live.sh [METRIC [AGG]]
#
# WEIR_URL (http://127.0.0.1:8080) and WEIR_TOKEN say where and as whom. Each event is `event: snapshot` or `event: update`, an
# `id:` that may be sent back as Last-Event-ID, and `data:` with one JSON object.
set -eu
url=${WEIR_URL:-http://127.0.0.1:8080}
metric=${1:-events}
agg=${2:-count}
set -- --no-buffer --silent --show-error --fail-with-body --get "$url/api/v1/live/sse" \
    --data-urlencode "metric=$metric" --data-urlencode "agg=$agg" \
    --data-urlencode window=1m --data-urlencode step=1s --data-urlencode every=250ms
if [ -n "${WEIR_TOKEN:-}" ]; then set -- --header "Authorization: Bearer $WEIR_TOKEN" "$@"; fi
exec curl "$@"
