#!/usr/bin/env python3
"""Measures ways of bringing a batch into the packed records in Redis: docs/measurements.md says what came out.

    merge.py [--series 1000] [--deltas 1,5,10] [--growth 10-100] [--rounds 3] [--json FILE]

Starts a redis-server of its own (appendonly, everysec) in a temporary folder. Every call brings one delta of D events to
each series, at two resolutions, by one of

    merge    Lua decodes record and delta, merges, stores           bench/ways.lua
    append   Lua appends the delta, and folds what is past 256 bytes  bench/ways.lua
    replace  whole new values are sent, Lua only stores them        bench/ways.lua
    apply    the same by weir_apply itself, with all else it does   weir.lua

until the records have grown from some 10 to 100 events. The ways take turns; at the end all must hold the same records.
"""
import argparse
import json
import pathlib
import random
import statistics
import sys

from packing import Record, pack
from resp import PrivateRedis

HERE = pathlib.Path(__file__).resolve().parent
WAYS = {"merge": "bench_merge", "append": "bench_append", "replace": "bench_replace", "apply": "weir_apply"}
NOW = 10  # seconds into a bucket of two minutes, and of ten


class Load:
    """Deltas, the same for every way: `steps[k][series]` is what call k brings."""

    def __init__(self, series, events, growth, seed):
        rng = random.Random(seed)
        low, high = growth
        self.events = events
        self.calls = max(1, (high - low - 10) // events)
        # Some 10 more or less, so that not all records are folded in the same call.
        self.stored = [self.record(rng, rng.randint(low, low + 20)) for _ in range(series)]
        self.steps = [[self.record(rng, events) for _ in range(series)] for _ in range(self.calls)]

    @staticmethod
    def record(rng, events):
        record = Record()
        for _ in range(events):
            record.add(round(rng.lognormvariate(3.2, 0.6), 3), rng.random() < 0.02)
        return record


class Way:
    """One way's keys, and its side of the worker: what it would send."""

    def __init__(self, redis, name, load):
        self.redis, self.name, self.load = redis, name, load
        self.prefix = f"weir:{{{name}}}:"
        second = redis.seconds()
        self.second = second - second % 600 + NOW
        self.slot = self.second
        self.held = [record.copy() for record in load.stored]
        self.encoded = [record.encoded() for record in self.held]
        self.at = 0
        self.prepare()

    def key(self, resolution, series):
        chunk = 120 if resolution == "b1" else 600
        return f"{self.prefix}{resolution}:{series}:{self.second - self.second % chunk}"

    def prepare(self):
        """Stores what is there before the first call; weir_apply does it itself, as it does all its other keys."""
        pipeline = []
        if self.name == "apply":
            series = []
            for number in range(len(self.held)):
                series += (number, f'["endpoint",{{"endpoint":"/{number}"}}]')
            self.redis.call(*self.apply_call(series, 1, []))
            return
        for number, record in enumerate(self.encoded):
            pipeline.append(("HSET", self.key("b1", number), str(self.second % 120), record))
            pipeline.append(("HSET", self.key("b10", number), str(self.slot % 600), record))
        self.redis.pipeline(pipeline)

    def ids(self):
        self.at += 1
        return f"{self.at - 1}-0" if self.at > 1 else "0-0", f"{self.at}-0"

    def apply_call(self, series, is_new, live):
        start, to = self.ids()
        self.redis.call("XADD", self.prefix + "events", to, "batch", "-")
        fine, coarse, seen = [], [], []
        for number, record in enumerate(self.encoded):
            flags, presence = (3, "2") if is_new else (0, "0")
            for writes, second, length in ((fine, self.second, 120), (coarse, self.slot, 600)):
                writes += (str(number), second - second % length, flags, 1, presence, str(second % length), record)
            if series:  # then once a minute
                seen += (str(self.second), str(number))
        minute = self.second - self.second % 60
        dirty = [minute, len(self.encoded), *map(str, range(len(self.encoded)))]
        hour = self.second - self.second % 3600
        books = [hour, "applied", self.load.events * len(self.encoded)]
        changes = pack([series, fine, coarse, dirty, seen, [], books, [], [], [0, 1]])
        keys = [self.prefix + name for name in ("cursor", "events", "live")]
        return ("FCALL", WAYS[self.name], "3", *keys, "2", start, to, "0", str(self.second * 1000), changes, pack(live))

    def call(self, step):
        """The command that brings call `step`."""
        deltas = [record.encoded() for record in self.load.steps[step]]
        for record, delta in zip(self.held, self.load.steps[step]):
            record.merge(delta)
        flat = [item for number, delta in enumerate(deltas) for item in (number, self.second, self.slot, delta)]
        if self.name in ("merge", "append"):
            start, to = self.ids()
            return self.command(start, to, pack(flat))
        self.encoded = [record.encoded() for record in self.held]
        if self.name == "apply":
            return self.apply_call([], 0, flat)
        start, to = self.ids()
        whole = []
        for number, record in enumerate(self.encoded):
            whole += (number, self.second, self.slot, record, record)
        return self.command(start, to, pack(whole), pack(flat))

    def command(self, *args):
        return ("FCALL", WAYS[self.name], "2", self.prefix + "cursor", self.prefix + "live", *args)

    def check(self):
        """Every record in Redis must be what the worker thinks it is."""
        sizes = []
        for number, record in enumerate(self.held):
            for resolution, field in (("b1", self.second % 120), ("b10", self.slot % 600)):
                stored = self.redis.call("HGET", self.key(resolution, number), str(field))
                sizes.append(len(stored))
                if not Record.decoded(stored).equals(record):
                    sys.exit(f"{self.name}: {self.key(resolution, number)} holds something else")
        return statistics.mean(sizes)


def run(redis, name, load):
    """All calls of one way; a row of figures for each."""
    redis.call("FLUSHALL")
    way = Way(redis, name, load)
    rows = []
    commands = [way.call(step) for step in range(load.calls)] if name != "apply" else None
    for step in range(load.calls):
        command = commands[step] if commands else way.call(step)
        reply, figures = redis.measured(*command)
        if (reply[0] if isinstance(reply, list) else reply) != b"OK":
            sys.exit(f"{name}: {reply}")
        rows.append(figures)
    return rows, way.check()


def summary(rows, series, record_bytes):
    def mean(field):
        return statistics.mean(row[field] for row in rows)

    return {
        "calls": len(rows), "ms": mean("us") / 1000, "median_ms": statistics.median(row["us"] for row in rows) / 1000,
        "worst_ms": max(row["us"] for row in rows) / 1000, "us_per_series": mean("us") / series,
        "cpu_ms": mean("cpu_us") / 1000, "sent_kb": mean("sent") / 1000, "aof_kb": mean("aof") / 1000,
        "record_bytes": record_bytes,
    }


def table(results):
    columns = ["events a delta", "way", "Redis ms a call: mean", "median", "worst", "us a series", "CPU ms", "sent KB", "AOF KB",
               "record, bytes"]
    print(f"| {' | '.join(columns)} |\n| ---: | --- |{' ---: |' * (len(columns) - 2)}")
    for (events, name), row in results.items():
        figures = [f"{row[field]:.1f}" for field in ("ms", "median_ms", "worst_ms", "us_per_series", "cpu_ms")]
        figures += [f"{row[field]:.0f}" for field in ("sent_kb", "aof_kb", "record_bytes")]
        print(f"| {events} | {name} | {' | '.join(figures)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--deltas", default="1,5,10", help="events in a delta")
    parser.add_argument("--growth", default="10-100", help="events in a record, from-to")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--json", help="also write the figures here")
    options = parser.parse_args()
    growth = tuple(int(part) for part in options.growth.split("-"))
    ways = options.ways.split(",")

    results = {}
    with PrivateRedis() as redis:
        redis.load((HERE / "records.lua").read_text() + (HERE / "ways.lua").read_text())
        redis.load((HERE.parent / "weir.lua").read_text())
        print(f"Redis {redis.version}, {options.series} series at two resolutions, {options.rounds} rounds\n")
        for events in (int(part) for part in options.deltas.split(",")):
            collected = {name: [] for name in ways}
            sizes = {}
            for turn in range(options.rounds):
                load = Load(options.series, events, growth, seed=events * 1000 + turn)
                for name in ways[turn % len(ways):] + ways[:turn % len(ways)]:
                    rows, sizes[name] = run(redis, name, load)
                    collected[name] += rows
            for name in ways:
                results[(events, name)] = summary(collected[name], options.series, sizes[name])
    table(results)
    if options.json:
        rows = [{"events": events, "way": name, **row} for (events, name), row in results.items()]
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
