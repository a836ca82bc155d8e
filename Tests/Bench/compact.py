#!/usr/bin/env python3
"""Measures `weir compact` against PostgreSQL's own binary COPY of the same rows in the same run.

    compact.py [--minutes 60] [--rate 0.2] [--rounds 3] [--format table|json]

Each round starts a redis-server (append-only file, fsync always, so that a pass need not wait for Redis' disk) and a PostgreSQL of its
own in temporary folders, lets the release build's `weir work` apply events of 50 services x 20 endpoints, `rate` a second for every
label set, over the `--minutes` that ended two minutes ago, and then runs `weir compact`: all minutes are new. The same rows are then
copied (COPY … FROM a file, FORMAT binary, one transaction) into an equal partitioned table of the same server. Then as many events
come again for the same minutes, which writes every row anew: `weir compact` a second time.

Rows a second are those of the minutes, from the begin of the pass until Redis was told that the last is written; `whole pass` has the
hours that were rolled up with them, and partitions and retention besides. CPU is of each process, in us a row: of the pass, and of
COPY's backend. Memory is the greatest resident size of the process.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import drain
import events

PER_ENTRY = 50
LABEL_SETS = events.SERVICES * events.ENDPOINTS
GOALS = {"new": 0.80, "rewritten": 0.35}


class Postgres:
    """A cluster of its own, reached over a socket; run as nobody where we are root, as PostgreSQL insists."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="weir-bench-pg-")
        self.user = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(self.folder, "nobody")
        binaries = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True).stdout.strip()
        self.bin = binaries or str(max(pathlib.Path("/usr/lib/postgresql").glob("*/bin")))
        self.run("initdb", "-D", self.folder + "/data", "-U", "weir", "-A", "trust", "--no-sync")
        self.run("pg_ctl", "-D", self.folder + "/data", "-w", "-l", self.folder + "/log", "-o",
                 f"-k {self.folder} -c listen_addresses='' -c shared_buffers=256MB -c max_wal_size=4GB", "start")
        self.pid = int(pathlib.Path(self.folder + "/data/postmaster.pid").read_text().split()[0])
        self.url = f"host={self.folder} user=weir dbname=postgres"

    def cpu_s(self):
        """CPU of all its processes, ended ones included."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        ended = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return ended + sum(drain.cpu_s(int(pid)) for pid in [self.pid, *children])

    def run(self, name, *arguments):
        subprocess.run([*self.user, f"{self.bin}/{name}", *arguments], check=True, cwd="/", stdout=subprocess.DEVNULL)

    def sql(self, *statements):
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.url]
        for statement in statements:
            command += ["-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def close(self):
        with contextlib.suppress(subprocess.CalledProcessError):
            self.run("pg_ctl", "-D", self.folder + "/data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


def weir(*arguments):
    """Runs the executable: its greatest resident size in MB, its CPU in s, its log."""
    process = subprocess.Popen([drain.executable(), *arguments, "--log-format", "json"], env=drain.environment(),
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"weir {arguments[0]} failed:\n{errors}")
    return usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, errors


def compacted(redis, postgres):
    before = postgres.cpu_s(), drain.cpu_s(redis.process.pid)
    memory, cpu, log = weir("compact", "--redis-url", f"unix://{redis.path}", "--postgres-url", postgres.url)
    after = postgres.cpu_s(), drain.cpu_s(redis.process.pid)
    done = next(line for line in map(json.loads, log.splitlines()) if "minutes_ms" in line)
    rows, seconds = done["rows"], done["minutes_ms"] / 1000
    whole = float(postgres.sql("SELECT duration_seconds FROM weir.compaction"))
    return {"rows": rows, "seconds": seconds, "rows_per_s": rows / seconds, "whole_pass_rows_per_s": rows / whole, "memory_mb": memory,
            "hours": done["hours"], "cpu_us": {"weir": cpu / rows * 1e6, "postgres": (after[0] - before[0]) / rows * 1e6,
                                               "redis": (after[1] - before[1]) / rows * 1e6}}


def copied(postgres):
    """COPY of all minutes, in the order in which they lie, into an equal table."""
    file = postgres.folder + "/minutes"
    columns = postgres.sql("SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
                           "WHERE attrelid = 'weir.minute'::regclass AND attnum > 0 AND NOT attisdropped")
    postgres.sql(f"COPY (SELECT {columns} FROM weir.minute) TO '{file}' (FORMAT binary)",
                 "CREATE TABLE weir.minute_copy (LIKE weir.minute INCLUDING ALL) PARTITION BY RANGE (bucket)")
    for name, bounds in (line.split("|") for line in postgres.sql(
            "SELECT relname, pg_get_expr(relpartbound, oid) FROM pg_inherits JOIN pg_class ON oid = inhrelid "
            "WHERE inhparent = 'weir.minute'::regclass").splitlines()):
        postgres.sql(f"CREATE TABLE weir.copy_{name} PARTITION OF weir.minute_copy {bounds}")
    before = postgres.cpu_s()
    out = subprocess.run(
        ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", postgres.url, "-c", "CHECKPOINT", "-c", "\\timing on", "-c",
         f"COPY weir.minute_copy ({columns}) FROM '{file}' (FORMAT binary)"],
        check=True, capture_output=True, text=True).stdout
    seconds = float(re.findall(r"Time: ([\d.]+) ms", out)[-1]) / 1000
    cpu = postgres.cpu_s() - before
    rows = int(postgres.sql("SELECT count(*) FROM weir.minute_copy"))
    return {"rows": rows, "seconds": seconds, "rows_per_s": rows / seconds, "cpu_us": {"postgres": cpu / rows * 1e6}}


def one_round(options, seed):
    rng = random.Random(seed)
    texts = events.packed(rng, PER_ENTRY, 300)
    rate = LABEL_SETS * options.rate
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(drain.redis_server("yes", "--appendfsync", "always"))
        postgres = stack.enter_context(contextlib.closing(Postgres()))
        drain.load_functions(redis)
        weir("migrate", "--postgres-url", postgres.url)
        end_ms = (int(time.time()) - 120) // 60 * 60_000
        result, total = {}, 0
        for what in ("new", "rewritten"):
            # Late by when they say they were received, so that both times fall into the same minutes.
            total = events.fill_packed(redis, texts, PER_ENTRY, int(rate * options.minutes * 60), end_ms, rate)
            with drain.Worker(redis, "five") as worker:
                last = drain.last_entry(redis)
                while drain.cursor(redis) != last:
                    worker.check()
                    time.sleep(0.02)
            redis.call("XTRIM", events.EVENTS, "MAXLEN", "0")
            result[what] = compacted(redis, postgres)
            if what == "new":
                result["copy"] = copied(postgres)
        result["events"] = 2 * total
        for what, goal in GOALS.items():
            result[what]["ratio"] = result[what]["rows_per_s"] / result["copy"]["rows_per_s"]
            result[what]["goal"] = goal
        return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=0.2, help="events a second for each label set")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--format", choices=["table", "json"], default="table")
    options = parser.parse_args()
    rounds = [one_round(options, seed) for seed in range(options.rounds)]
    if options.format == "json":
        return print(json.dumps(rounds, indent=1))
    print("| way | rows | rows/s | of COPY | goal | whole pass | CPU us a row: weir | PostgreSQL | Redis | memory MB |\n"
          "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for what in ("copy", *GOALS):
        def median(*names):
            def value(one):
                for name in names:
                    one = one[name]
                return one
            return statistics.median(value(one[what]) for one in rounds)
        line = f"| {what} | {median('rows'):,.0f} | {median('rows_per_s'):,.0f} |"
        if what != "copy":
            line += (f" {median('ratio'):.2f} | {GOALS[what]:.2f} | {median('whole_pass_rows_per_s'):,.0f} | "
                     f"{median('cpu_us', 'weir'):.1f} | {median('cpu_us', 'postgres'):.1f} | "
                     f"{median('cpu_us', 'redis'):.1f} | {median('memory_mb'):,.0f} |")
        else:
            line += f" 1 | | | | {median('cpu_us', 'postgres'):.1f} | | |"
        print(line)


if __name__ == "__main__":
    main()
