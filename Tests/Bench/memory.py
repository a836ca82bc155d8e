#!/usr/bin/env python3
"""Measures what an hour of events takes in Redis, by family of keys: docs/redis-keys.md says what came out.

    memory.py [--minutes 60] [--rate 1] [--metrics five|three] [--format table|json] [-- REDIS-SETTING ...]

Starts a redis-server of its own in a temporary folder, lets the release build's `weir work` apply events of 50 services
x 20 endpoints, 200 users a service, `rate` a second for every label set, over the time that ends now and 12 seconds more
as they pass (the live stream keeps 10), and asks Redis for the size of every key. Nothing is compacted meanwhile, so every
minute is still marked for it. One-second buckets are written only for the last 20 minutes, but stay for up to 23 once they
are: what that would add is a line of its own. What follows `--` is for the redis-server, such as
`--hash-max-listpack-value 512`.
"""
import argparse
import json
import random
import re
import sys
import time

import drain
import events

PER_ENTRY = 50
ROUNDS_OF_EVENTS = 600  # distinct events a label set; then they repeat
LABEL_SETS = events.SERVICES * events.ENDPOINTS
GOAL_KB = 64
TAIL_S = 12
FINE = "weir:{p}:b1:…:…"
# A hash of two minutes is there from its first second until FINE_EXPIRY_S after its last.
FINE_S = 120 / 2 + int(re.search(r"FINE_EXPIRY_S = (\d+)", (drain.ROOT / "redis-scripts/weir.lua").read_text()).group(1))
TYPES = {b"string": "string", b"hash": "hash", b"set": "set", b"zset": "sorted set", b"stream": "stream"}


def family(key):
    """`weir:{p}:b10:<series>:<600 s>` for `weir:{0}:b10:17:1795472400`."""
    parts = key.decode().split(":")
    return ":".join([parts[0], "{p}", parts[2], *("…" for _ in parts[3:])])


def sizes(redis):
    """For each family: type, keys, bytes, keys that are a hash table and no listpack."""
    found, at = {}, b"0"
    while True:
        at, keys = redis.call("SCAN", at, "COUNT", "500")
        commands = [command for key in keys for command in (
            ("TYPE", key), ("MEMORY", "USAGE", key, "SAMPLES", "0"), ("OBJECT", "ENCODING", key))]
        redis.socket.sendall(b"".join(map(redis.encoded, commands)))
        for key in keys:
            kind, size, encoding = redis.read(), redis.read(), redis.read()
            row = found.setdefault(family(key), {"type": TYPES[kind], "keys": 0, "bytes": 0, "tables": 0})
            row["keys"] += 1
            row["bytes"] += size
            row["tables"] += encoding in (b"hashtable", b"skiplist")
        if at == b"0":
            return dict(sorted(found.items(), key=lambda one: -one[1]["bytes"]))


def follow(redis, worker, texts, rate):
    """Events as they come in, for as long as the live stream remembers."""
    start, entry = time.monotonic(), 0
    while (due := start + entry * PER_ENTRY / rate) < start + TAIL_S:
        time.sleep(max(0, due - time.monotonic()))
        received = str(time.time_ns() // 1_000_000)
        redis.call("FCALL", "weir_append", "2", events.CURSOR, events.EVENTS, "3600000", "0", "", received, "", "0",
                   "1", str(PER_ENTRY), texts[entry % len(texts)])
        entry += 1
    last = drain.last_entry(redis)
    while drain.cursor(redis) != last:
        worker.check()
        time.sleep(0.01)


def measured(options):
    rng = random.Random(options.seed)
    texts = events.packed(rng, PER_ENTRY, ROUNDS_OF_EVENTS)
    with drain.redis_server("off", *options.settings) as redis:
        drain.load_functions(redis)
        empty = int(redis.info("memory")["used_memory"])
        rate = LABEL_SETS * options.rate
        count = events.fill_packed(
            redis, texts, PER_ENTRY, int(rate * options.minutes * 60), redis.seconds() * 1000, rate)
        full = int(redis.info("memory")["used_memory"])
        with drain.Worker(redis, options.metrics) as worker:
            drained = drain.drained(redis, worker, count)
            follow(redis, worker, texts, rate)
            horizon, end = int(redis.call("FCALL_RO", "weir_state", "1", events.CURSOR)[2]), redis.seconds()
        families = sizes(redis)  # the worker has gone, and its connections' buffers with it
        used = int(redis.info("memory")["used_memory"])
        settings = redis.call("CONFIG", "GET", "hash-max-listpack-*")
    held = min(end - horizon, options.minutes * 60)
    longer = families.get(FINE, {"bytes": 0})["bytes"] * max(0, min(FINE_S, options.minutes * 60) / held - 1)
    used += longer
    return {
        "longer_bytes": longer, "events": count, "minutes": options.minutes, "label_sets": LABEL_SETS, "families": families, "empty_bytes": empty,
        "used_bytes": used, "full_stream_bytes": full, "bytes_per_label_set": (used - empty) / LABEL_SETS,
        "drained_per_s": drained["events_per_s"],
        "settings": {name.decode(): value.decode() for name, value in zip(settings[::2], settings[1::2])}}


def table(result, metrics):
    print(f"{result['events']:,} events in {result['minutes']} min, {LABEL_SETS:,} label sets; metrics: "
          f"{', '.join(events.CHOICES[metrics])}\n")
    print("| key | type | keys | of them tables | bytes a key | KB in all | bytes a label set |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    known = 0
    for name, row in result["families"].items():
        known += row["bytes"]
        print(f"| `{name}` | {row['type']} | {row['keys']:,} | {row['tables']:,} | {row['bytes'] / row['keys']:,.0f} | "
              f"{row['bytes'] / 1024:,.0f} | {row['bytes'] / LABEL_SETS:,.0f} |")
    longer = result["longer_bytes"]
    print(f"| `{FINE}`, those that are not written any more, calculated | | | | | {longer / 1024:,.0f} | "
          f"{longer / LABEL_SETS:,.0f} |")
    rest = result["used_bytes"] - result["empty_bytes"] - known - longer
    print(f"| the tables of keys and of expiries, buffers | | | | | {rest / 1024:,.0f} | {rest / LABEL_SETS:,.0f} |")
    total = result["used_bytes"] - result["empty_bytes"]
    print(f"| **in all** | | | | | {total / 1024:,.0f} | **{total / LABEL_SETS:,.0f}** |")
    print(f"\n{total / LABEL_SETS / 1024:.1f} KB a label set (goal: at most {GOAL_KB}); an empty Redis with our functions has "
          f"{result['empty_bytes'] / 1024:,.0f} KB, with the whole hour on the stream {result['full_stream_bytes'] / 1e6:,.0f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=1, help="events a second for each label set")
    parser.add_argument("--metrics", choices=events.CHOICES, default="five", help="three: without unique and top")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("settings", nargs="*", metavar="REDIS-SETTING", help="after --, for the redis-server")
    options = parser.parse_args()
    result = measured(options)
    if options.format == "json":
        print(json.dumps(result, indent=1))
    else:
        table(result, options.metrics)
    if result["bytes_per_label_set"] > GOAL_KB * 1024:
        sys.exit(f"more than {GOAL_KB} KB a label set")


if __name__ == "__main__":
    main()
