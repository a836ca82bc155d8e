#!/usr/bin/env bash
# Holds the image and deploy/compose.yaml to what they promise, with podman and podman-compose:
#
#   ./dev test-containers                      builds the image from a clean clone, then tests
#   ./dev test-containers --image weir:latest  tests an image that is there
#
# COMPOSE names another compose (podman-compose), BUILDER another builder (podman build). Ports 8080 to 8082 must be free, or others be
# named as compose.yaml says (WEIR_SERVE_PORT, WEIR_WORK_PORT, WEIR_GENERATE_PORT). Everything is made under a project name of its own, and removed at the end, its volumes included.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

image=
while (($#)); do
    case $1 in
        --image) image=${2:?--image takes a name}; shift 2 ;;
        *) echo "test-containers takes --image NAME, not $1" >&2; exit 64 ;;
    esac
done

project=weirtest$$
folder=$(mktemp -d)
read -r -a compose_program <<<"${COMPOSE:-podman-compose}"
processes=(secrets redis postgres migrate scripts-load serve work compact)
began=$SECONDS
export WEIR_SERVE_PORT=${WEIR_SERVE_PORT:-8080} WEIR_WORK_PORT=${WEIR_WORK_PORT:-8081} WEIR_GENERATE_PORT=${WEIR_GENERATE_PORT:-8082}
front=http://127.0.0.1:$WEIR_SERVE_PORT

say() { printf '%4ds  %s\n' $((SECONDS - began)) "$*"; }
fail() {
    printf 'test-containers: %s\n' "$*" >&2
    for name in serve work compact migrate; do
        printf -- '--- %s\n' "$name" >&2
        podman logs --tail 15 "$(container "$name")" >&2 2>&1 || true
    done
    exit 1
}

fail_early() {
    printf 'test-containers: %s\n' "$*" >&2
    exit 69
}

# podman-compose says what it runs on standard error, for every command.
compose() { WEIR_IMAGE=$image "${compose_program[@]}" -p "$project" -f deploy/compose.yaml "$@" >>"$folder/compose.log" 2>&1; }
container() { printf '%s_%s_1' "$project" "$1"; }

clean_up() {
    podman ps -aq --filter "label=io.podman.compose.project=$project" | xargs -r podman rm -f -t 0 >/dev/null 2>&1 || true
    podman volume ls -q | grep "^${project}_" | xargs -r podman volume rm -f >/dev/null 2>&1 || true
    podman network rm -f "${project}_default" >/dev/null 2>&1 || true
    if [ "$image" = "localhost/weir:$project" ]; then podman rmi -f "$image" >/dev/null 2>&1 || true; fi
    rm -rf "$folder"
}
trap clean_up EXIT

# eventually SECONDS WHAT COMMAND…: until it succeeds.
eventually() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || fail "$what: not within the time"
        sleep 0.5
    done
}

secret() { podman exec "$(container serve)" cat "/run/secrets/$1"; }
api() { curl -sf --max-time 10 -H "Authorization: Bearer $token" "$@"; }
is_ready() { curl -sf --max-time 5 "http://127.0.0.1:$1/readyz"; }

# Events that came so far, in the whole installation, by the API.
count() {
    api "$front/api/v1/query?metric=events&agg=count&from=-1h&step=1h" |
        python3 -c 'import json, sys; a = json.load(sys.stdin)
if a["degraded"]: sys.exit(1)
print(sum(n for s in a["series"] for n in s["count"]))'
}
counts() { [ "$(count)" = "$1" ]; }
balanced() { api "$front/api/v1/audit?from=-2h" | grep -q '"balanced":true,"degraded":\[\]'; }

# psql and redis-cli in the containers of the stores.
sql() { podman exec "$(container postgres)" psql -h 127.0.0.1 -U weir -qtA "$(podman exec "$(container postgres)" cat /run/secrets/postgres_url | sed 's/@postgres:/@127.0.0.1:/')" -c "$1"; }
history_rows() { [ "$(sql 'SELECT count(*) FROM weir.minute')" -gt 0 ]; }

# Sends so many events, repeated under one key until they are taken, so that each is counted once.
sent=0
send() {
    local key=$RANDOM$RANDOM$RANDOM
    for ((i = 0; i < $1; i++)); do
        printf '{"service":"shop","endpoint":"/pay","status":200,"duration_ms":%d,"ts":"%s"}\n' "$i" "${2:-$(date -u +%FT%TZ)}"
    done >"$folder/events"
    post() {
        api -H 'Content-Type: application/x-ndjson' -H "Idempotency-Key: test-$key" --data-binary @"$folder/events" \
            "$front/api/v1/events"
    }
    eventually 60 "events are taken" post
    sent=$((sent + $1))
}

for port in "$WEIR_SERVE_PORT" "$WEIR_WORK_PORT" "$WEIR_GENERATE_PORT"; do
    ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || fail_early "something listens on port $port, which compose.yaml needs: stop it first"
done

# --- the image ------------------------------------------------------------------------------------------------------------

if [ -z "$image" ]; then
    image=localhost/weir:$project
    say "building the image from a clean clone"
    git clone -q . "$folder/clone"
    (cd "$folder/clone" && ./dev image "$image") >"$folder/image.log" 2>&1 || { tail -n 20 "$folder/image.log" >&2; fail "the image cannot be built"; }
fi

bytes=$(podman image inspect "$image" --format '{{.Size}}')
say "image: $((bytes / 1000000)) MB, user $(podman image inspect "$image" --format '{{.Config.User}}')"
((bytes < 120000000)) || fail "the image has $bytes bytes, and 120 MB are allowed"
[ "$(podman image inspect "$image" --format '{{.Config.User}}')" = 10001:10001 ] || fail "the image does not run as 10001"
podman image inspect "$image" | grep -q '"--health"' || fail "the image has no HEALTHCHECK"
alone=(podman run --rm --network none --read-only --cap-drop ALL)
"${alone[@]}" --read-only-tmpfs=false "$image" --version | grep -q '^weir ' || fail "it does not start on a read-only file system"
packages=$("${alone[@]}" --entrypoint cat "$image" /usr/share/doc/weir/packages.txt)
for package in libpq5 libevent-core-2.1-7 libhiredis0.14 libjs-dygraphs; do
    grep -q "^$package	" <<<"$packages" || fail "packages.txt does not name $package"
done
say "packages.txt names $(wc -l <<<"$packages") packages"

# --- up from nothing, with the stores last --------------------------------------------------------------------------------

say "up: the processes first, their stores 8 s later"
# Creates all; starting by hand is the order that compose would not choose.
compose up --no-start "${processes[@]}" || fail "compose cannot create the containers"
podman start "$(container secrets)" >/dev/null
for name in serve work compact migrate scripts-load; do podman start "$(container "$name")" >/dev/null; done
sleep 8
for name in redis postgres; do podman start "$(container "$name")" >/dev/null; done
eventually 90 "the front is ready" is_ready "$WEIR_SERVE_PORT"
eventually 90 "the worker is ready" is_ready "$WEIR_WORK_PORT"
token=$(secret token_admin)
ended() { [ "$(podman inspect "$(container "$1")" --format '{{.State.Status}} {{.State.ExitCode}}')" = "exited 0" ]; }
eventually 90 "migrate ended well" ended migrate
eventually 90 "scripts-load ended well" ended scripts-load
for name in serve work; do
    podman healthcheck run "$(container "$name")" >/dev/null || fail "$name is not healthy by its HEALTHCHECK"
    [ "$(podman inspect "$(container "$name")" --format '{{.HostConfig.ReadonlyRootfs}}')" = true ] || fail "$name can write"
    [ "$(podman top "$(container "$name")" huser 2>/dev/null | tail -n 1)" = 10001 ] || fail "$name does not run as 10001"
done
! curl -sf "$front/api/v1/metrics" >/dev/null || fail "the front answers without a token"
curl -sf "$front/" | grep -qi '<html' || fail "there is no dashboard"
say "all is up and healthy"

send 500
# An hour ago is a closed minute, so the next pass writes it.
send 300 "$(date -u -d '-30 minutes' +%FT%TZ)"
eventually 60 "events are counted" counts $sent
eventually 150 "compact writes history" history_rows
eventually 60 "the books balance" balanced
say "the API counts $sent events, and history has rows"

# --- the services of profiles, but for the images that others make ----------------------------------------------------------

as_grafana() {
    local password
    password=$(secret grafana_reader_password)
    podman exec "$(container postgres)" psql -h 127.0.0.1 -qtA "postgres://grafana:$password@127.0.0.1/weir" \
        -c 'SELECT count(*) FROM weir.minute_view'
}
compose up -d grafana-reader || fail "compose cannot start grafana-reader"
eventually 60 "Grafana's user can read history" as_grafana
compose up -d generate || fail "compose cannot start generate"
eventually 60 "the generator is ready" is_ready "$WEIR_GENERATE_PORT"
makes_events() { [ "$(count)" -gt $((sent + 200)) ]; }
eventually 60 "the generator makes events" makes_events
podman stop "$(container generate)" >/dev/null
eventually 60 "the books balance" balanced
sent=$(count)
say "generate and grafana-reader do their work: $sent events"

# --- each killed and started ----------------------------------------------------------------------------------------------

for name in serve work compact redis postgres; do
    podman kill --signal KILL "$(container "$name")" >/dev/null 2>&1 || true
    # A restart policy may have started it already.
    podman start "$(container "$name")" >/dev/null 2>&1 || true
    eventually 60 "after $name was killed, the front is ready" is_ready "$WEIR_SERVE_PORT"
    eventually 60 "after $name was killed, the worker is ready" is_ready "$WEIR_WORK_PORT"
    send 100
    eventually 60 "after $name was killed, all is counted" counts $sent
    eventually 60 "after $name was killed, the books balance" balanced
    say "$name killed and started: $sent events, balanced"
done

# --- down and up keep the data --------------------------------------------------------------------------------------------

compose down || fail "compose down failed"
! podman container exists "$(container serve)" || fail "down has left the front there"
compose up -d "${processes[@]}" || fail "compose up failed"
eventually 120 "the front is ready after down and up" is_ready "$WEIR_SERVE_PORT"
[ "$(secret token_admin)" = "$token" ] || fail "the secrets are new"
eventually 60 "down and up keep the data" counts $sent
eventually 60 "the books balance after down and up" balanced
history_rows || fail "history is gone"
say "down and up: $sent events, balanced"
passes() { [ "$(sql "SELECT count(*) FROM weir.compaction WHERE last_success_at > now() - interval '2 minutes'")" = 1 ]; }
eventually 150 "the compaction goes on" passes
say "passed"
