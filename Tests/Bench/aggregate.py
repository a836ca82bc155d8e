#!/usr/bin/env python3
"""Measures how fast a worker empties a full stream, and what an event costs: docs/measurements.md says what came out.

    aggregate.py [--modes packed,single] [--events N] [--per-entry 50] [--rounds 3] [--metrics five|three]
                 [--rate 600000] [--aof everysec|off] [--format table|json]

Starts a redis-server of its own in a temporary folder, puts events of 50 services x 20 endpoints on the stream of
partition 0 (in entries of `per-entry`, as a front packs them, or single, as any Redis client adds them), then starts the
release build's `weir work` and measures from the first movement of the cursor until all is applied. The events' times
are spread evenly, `rate` a second, up to now: by default about as they would stand there if they had just been put there
as fast as they can be applied; 10000 makes it the backlog of minutes, in which a second has far fewer events to share its buckets. The books must agree at the end. The yardstick is how fast redis-benchmark
adds entries of one event to a stream of the same server (XADD, six fields, 120 bytes, 8 connections, pipelines of 32).
"""
import argparse
import json
import random
import re
import subprocess
import sys
import time

import drain
import events

EVENTS_OF = {"packed": 5_000_000, "single": 1_000_000}
ROUNDS_OF_EVENTS = 200  # distinct events a label set; then they repeat, at other times


def yardstick(redis, entries=1_000_000):
    """Entries a second that redis-benchmark adds."""
    fields = [part for field in events.Event(random.Random(1), 1, 1).fields for part in field]
    output = subprocess.run(
        ["redis-benchmark", "-s", redis.path, "-P", "32", "-c", "8", "-n", str(entries), "--csv", "XADD", "bench:yardstick",
         "*", *fields],
        check=True, capture_output=True, text=True).stdout
    rates = re.findall(r'","([\d.]+)"', output)
    redis.call("DEL", "bench:yardstick")
    if not rates:
        sys.exit(f"redis-benchmark said: {output}")
    return float(rates[0])


class Load:
    """The texts of a mode, made once for all its rounds."""

    def __init__(self, mode, options):
        rng = random.Random(options.seed)
        self.mode, self.options = mode, options
        self.events = options.events or EVENTS_OF[mode]
        if mode == "packed":
            self.texts = events.packed(rng, options.per_entry, ROUNDS_OF_EVENTS)
        else:
            self.texts = [event.arguments() for event in events.shuffled_rounds(rng, ROUNDS_OF_EVENTS)]

    def fill(self, redis):
        now_ms = redis.seconds() * 1000
        if self.mode == "packed":
            return events.fill_packed(
                redis, self.texts, self.options.per_entry, self.events, now_ms, self.options.rate)
        return events.fill_plain(redis, self.texts, self.events, now_ms, self.options.rate)


def measured(load, options):
    with drain.redis_server(options.aof) as redis:
        rate = yardstick(redis)
        drain.load_functions(redis)
        count = load.fill(redis)
        redis.settle()
        time.sleep(1)  # so that the last of the fill is on the disk
        stream = int(redis.call("MEMORY", "USAGE", events.EVENTS))
        with drain.Worker(redis, options.metrics) as worker:
            found = drain.drained(redis, worker, count)
    return {"mode": load.mode, "xadd_per_s": rate, "ratio": found["events_per_s"] / rate,
            "stream_bytes_per_event": stream / count, **found}


ROWS = [
    ("events drained", "events", "{:,.0f}"), ("seconds", "seconds", "{:.2f}"), ("**events/s**", "events_per_s", "{:,.0f}"),
    ("worker: CPU µs an event", "worker_cpu_us_per_event", "{:.2f}"),
    ("Redis: CPU µs an event", "redis_cpu_us_per_event", "{:.2f}"),
    ("worker: % of a core", "worker_cpu_percent", "{:.0f}"), ("Redis: % of a core", "redis_cpu_percent", "{:.0f}"),
    ("other processes of the machine: % of a core", "others_cpu_percent", "{:.0f}"),
    ("batches", "batches", "{:,.0f}"), ("events a batch", "events_per_batch", "{:,.0f}"),
    ("one-second buckets a batch", "buckets_per_batch", "{:,.0f}"),
    ("weir_apply in Redis, ms: mean", "redis_apply_ms.mean", "{:.2f}"), ("median", "redis_apply_ms.p50", "{:.2f}"),
    ("p99", "redis_apply_ms.p99", "{:.2f}"), ("worst", "redis_apply_ms.p100", "{:.2f}"),
    ("merge and apply, as the worker sees it, ms: mean", "apply_ms.mean", "{:.2f}"),
    ("Redis' time in weir_apply, %", "redis_share.apply", "{:.0%}"), ("in XREAD, %", "redis_share.read", "{:.0%}"),
    ("append-only file, bytes an event", "aof_bytes_per_event", "{:.0f}"),
    ("redis-benchmark XADD/s", "xadd_per_s", "{:,.0f}"), ("**drained events for each XADD**", "ratio", "{:.2f}"),
]


def value(row, path):
    for part in path.split("."):
        row = row.get(part, float("nan")) if isinstance(row, dict) else row
    return row


def table(results):
    """The round in the middle of each mode, and how far the others were from it."""
    modes = list(dict.fromkeys(row["mode"] for row in results))
    of = {mode: sorted((row for row in results if row["mode"] == mode), key=lambda row: row["events_per_s"]) for mode in modes}
    print(f"| | {' | '.join(modes)} |\n| --- |{' ---: |' * len(modes)}")
    for name, path, form in ROWS:
        cells = [form.format(value(of[mode][len(of[mode]) // 2], path)) for mode in modes]
        print(f"| {name} | {' | '.join(cells)} |")
    spans = [f"{of[mode][0]['events_per_s']:,.0f} to {of[mode][-1]['events_per_s']:,.0f}" for mode in modes]
    print(f"| events/s in {len(of[modes[0]])} rounds | {' | '.join(spans)} |")
    for mode in modes:
        row = of[mode][len(of[mode]) // 2]
        parts = [f"{name} {us:.0f}" for name, us in row["inner_us_per_call"].items()]
        print(f"\n{mode}: commands in a weir_apply, µs: {', '.join(parts)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modes", default="packed,single")
    parser.add_argument("--events", type=int, help=f"default {EVENTS_OF}")
    parser.add_argument("--per-entry", type=int, default=50, help="events in a packed entry")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--metrics", choices=events.CHOICES, default="five", help="three: without unique and top")
    parser.add_argument("--rate", type=float, default=600_000, help="events a second that the times are spread at")
    parser.add_argument("--aof", choices=["everysec", "off"], default="everysec")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    modes = options.modes.split(",")
    if not set(modes) <= EVENTS_OF.keys():
        parser.error(f"modes are {', '.join(EVENTS_OF)}")
    if not 1 <= options.per_entry <= 500:
        parser.error("an entry has 1 to 500 events")
    results = []
    for mode in modes:
        load = Load(mode, options)
        for _ in range(options.rounds):
            results.append(measured(load, options))
            row = results[-1]
            print(f"{mode}: {row['events_per_s']:,.0f} events/s, {row['ratio']:.2f} for each XADD", file=sys.stderr)
    if options.format == "json":
        print(json.dumps(results, indent=1))
        return
    print(f"metrics: {', '.join(events.CHOICES[options.metrics])}; appendfsync {options.aof}; "
          f"packed entries of {options.per_entry}\n")
    table(results)


if __name__ == "__main__":
    main()
