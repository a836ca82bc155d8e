#!/usr/bin/env bash
# Copies both stores into a new folder, while everything runs: weir.dump (pg_dump) and weir.rdb (Redis).
#
#   WEIR_REDIS_URL=… WEIR_POSTGRES_URL=… deploy/backup.sh /backup/$(date +%F)
#
# Needs psql and pg_dump no older than the server, and redis-cli. The two copies fit each other because no compaction writes in between: its
# lock is held until both are there. docs/runbook.md tells how to restore.
set -euo pipefail
folder=${1:?backup.sh FOLDER: where the copies go; it must not exist yet}
: "${WEIR_REDIS_URL:?names the Redis to copy}" "${WEIR_POSTGRES_URL:?names the PostgreSQL to copy}"
compaction_lock=8603398601508388866 # AdvisoryLock.compaction

redis() {
    case $WEIR_REDIS_URL in
        unix://*) redis-cli --no-auth-warning -s "${WEIR_REDIS_URL#unix://}" "$@" ;;
        *) redis-cli --no-auth-warning -u "$WEIR_REDIS_URL" "$@" ;;
    esac
}

mkdir "$folder"
chmod 700 "$folder"
trap 'rm -rf "$folder"; echo "backup.sh: failed; nothing is kept" >&2' ERR

coproc LOCK { psql -XqAt -v ON_ERROR_STOP=1 -d "$WEIR_POSTGRES_URL"; }
echo "SELECT 'held' FROM pg_advisory_lock($compaction_lock);" >&"${LOCK[1]}"
read -r -t 600 held <&"${LOCK[0]}"
[ "$held" = held ]

pg_dump --format=custom --schema=weir --file="$folder/weir.dump" "$WEIR_POSTGRES_URL"
redis --rdb "$folder/weir.rdb" >/dev/null 2>&1
redis-check-rdb "$folder/weir.rdb" >/dev/null

echo '\q' >&"${LOCK[1]}"
trap - ERR
ls -l "$folder"
