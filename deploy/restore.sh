#!/usr/bin/env bash
# Brings a copy of deploy/backup.sh back: history into an empty database, and the file for Redis to where Redis starts from.
#
#   WEIR_POSTGRES_URL=… deploy/restore.sh /backup/2026-11-24 /var/lib/redis
#
# Redis must be stopped, and its folder empty but for what it is configured by. Nothing of Weir may run. Then start Redis once with
# `--appendonly no` and say `redis-cli CONFIG SET appendonly yes`: it reads weir.rdb, which it would not do with an append-only file
# turned on, and writes a new append-only file. docs/runbook.md has the whole order.
set -euo pipefail
folder=${1:?restore.sh FOLDER REDIS_FOLDER: the folder of the copies}
target=${2:?restore.sh FOLDER REDIS_FOLDER: the folder that Redis keeps its data in}
: "${WEIR_POSTGRES_URL:?names the empty database to restore into}"
fail() {
    echo "restore.sh: $*" >&2
    exit 1
}

[ -s "$folder/weir.dump" ] && [ -s "$folder/weir.rdb" ] || fail "$folder does not hold weir.dump and weir.rdb"
[ ! -e "$target/appendonlydir" ] && [ ! -e "$target/dump.rdb" ] ||
    fail "$target holds the data of a Redis: move appendonlydir and dump.rdb away first"
sql() { psql -XqAt -v ON_ERROR_STOP=1 -d "$WEIR_POSTGRES_URL" -c "$1"; }
[ "$(sql "SELECT count(*) FROM pg_namespace WHERE nspname = 'weir'")" = 0 ] || fail "the database has a schema weir already"

# Roles are no part of a database; the dump grants to this one.
[ "$(sql "SELECT count(*) FROM pg_roles WHERE rolname = 'weir_reader'")" = 1 ] || sql 'CREATE ROLE weir_reader NOLOGIN'
pg_restore --exit-on-error --no-owner --dbname="$WEIR_POSTGRES_URL" "$folder/weir.dump"
install -m 0640 "$folder/weir.rdb" "$target/dump.rdb"
if [ "$(id -u)" = 0 ]; then chown --reference="$target" "$target/dump.rdb"; fi
echo "restored; now start Redis with --appendonly no, and then: redis-cli CONFIG SET appendonly yes"
