#!/usr/bin/env python3
"""Measures live push to many dashboards while events come in: docs/measurements.md says what came out.

    live.py [--clients 1000,5000,10000] [--every 25ms,100ms] [--seconds 10] [--rate 10000] [--no-nchan] [--json FILE]

A `weir up --no-generate` of its own, a writer of 10,000 events/s, and for each number of clients and each `every`:
- a crowd of clients in one program of C (crowd.c), each with one of four dashboards of eight subscriptions, compressed;
- eight samples, opened evenly among them, with the same dashboards without compression, and one quiet subscription. Probe events
  with labels of their own are posted some 10 a second, and timed from the 202 to the frame that shows them;
- then, without Weir, a bare loop of sends of as many bytes as often to as many clients of the same program; and, where nginx has
  nchan, the same bytes at the same rate by way of it.
"""
import argparse
import contextlib
import json
import pathlib
import random
import re
import resource
import sys
import time
import urllib.request

import latency
import live_peers
from live_crowd import Crowd, dashboards
from load import Load

SAMPLES = 8
SETTLE = 3     # seconds from the last client to the first probe
PLAIN = 4      # seconds in which bytes are counted, without probes


class Sample(latency.Subscription):
    """One of the crowd's dashboards, without compression, and when it showed which probe."""

    def __init__(self, target, every, subscriptions):
        super().__init__(target, every, "quiet")
        self.kind = "steady"
        self.socket.send('{"type":"unsubscribe","id":"quiet-%s"}' % every)
        for each in subscriptions:
            self.socket.send(json.dumps(each))
        self.wanted, self.bytes_read = len(subscriptions), 0

    def read(self):
        for received, text in self.socket.messages():
            self.bytes_read += len(text)
            # Most frames show no probe and need not be understood.
            if b'"snapshot"' in text[:40]:
                self.wanted -= json.loads(text)["id"] != f"quiet-{self.every}"
                self.ready = self.wanted == 0
            elif b'"error"' in text[:40]:
                raise SystemExit(f"a sample: {text.decode()}")
            elif b'"probe-' in text:
                for series in json.loads(text)["series"]:
                    if series["labels"].get("service", "").startswith("probe-"):
                        for start in series["t"]:
                            self.seen.setdefault((series["labels"]["service"], start), received)


def metric(target, name):
    """One of the front's own metrics."""
    with urllib.request.urlopen(target.url + "/metrics", timeout=30) as answer:
        found = re.search(rf"^{name} (\S+)$", answer.read().decode(), re.M)
    return float(found[1])


class Usage:
    """CPU of the front, and what it has sent."""

    def __init__(self, target):
        self.target, self.began = target, time.monotonic()
        self.before = self.now()

    def now(self):
        return {name: metric(self.target, name) for name in ("process_cpu_seconds_total", "weir_live_frames_total")}

    def end(self):
        after, elapsed = self.now(), time.monotonic() - self.began
        return {"cores": (after["process_cpu_seconds_total"] - self.before["process_cpu_seconds_total"]) / elapsed,
                "frames_per_s": (after["weir_live_frames_total"] - self.before["weir_live_frames_total"]) / elapsed}


def idle_memory(target, count):
    """Bytes of the front for each client that has said nothing yet, and for each that has a dashboard that does not change."""
    before = metric(target, "process_resident_memory_bytes")
    found = {}
    for name, boards in (("silent", None), ("subscribed", dashboards("100ms"))):
        with Crowd(target.host, target.port, boards) as crowd:
            crowd.open(count)
            time.sleep(2)
            found[name] = (metric(target, "process_resident_memory_bytes") - before) / count
        time.sleep(1)
    return found


def pump(prober, seconds):
    """Reads what the samples are sent, without asking anything."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        prober.turn(min(left, 0.1))


def run(target, clients, every, options, number):
    boards = dashboards(every)
    rng = random.Random(number)
    with Load(target.host, target.port, None, options.rate) as load:
        time.sleep(1)
        quiet = latency.Subscription(target, every, "quiet")
        samples = []
        with Crowd(target.host, target.port, boards) as crowd:
            # The front's work for events and for four dashboards that one client each looks at.
            samples += [Sample(target, every, boards[index]) for index in range(len(boards))]
            prober = latency.Prober(target, [quiet, *samples], f"live-{number}")
            prober.wait_for_snapshots()
            base = Usage(target)
            pump(prober, 3)
            base = base.end()
            for index in range(SAMPLES - len(boards)):
                crowd.open(clients // (SAMPLES - len(boards)))
                samples.append(Sample(target, every, boards[index % len(boards)]))
                prober.subscriptions.append(samples[-1])
            prober.wait_for_snapshots()
            pump(prober, SETTLE)
            crowd.mark()
            usage = Usage(target)
            pump(prober, PLAIN)
            usage, counted = usage.end(), crowd.mark()
            own = resource.getrusage(resource.RUSAGE_SELF)
            began = time.monotonic()
            prober.measure(options.seconds, rng)
            elapsed = time.monotonic() - began
            after = resource.getrusage(resource.RUSAGE_SELF)
            whole = crowd.mark()
        loaded = load.finish()
    shown = [(each.seen[key], key) for each in samples for key in prober.accepted if key in each.seen]
    steady = [(seen - prober.accepted[key]) * 1000 for seen, key in shown]
    from_send = [(seen - prober.sent[key]) * 1000 for seen, key in shown]
    missing = sum(key not in each.seen for each in samples for key in prober.sent)
    quietly = [(quiet.seen[key] - prober.accepted[key]) * 1000 for key in quiet.quiet
               if key in quiet.seen and key in prober.accepted]
    for each in [quiet, *samples]:
        each.socket.close()
    deliveries = counted["reads"] / counted["seconds"]
    return {
        "clients": clients, "every": every, "probes": len(prober.sent), "shown": len(steady), "missing": missing,
        "ms": {f"p{q * 100:g}": latency.quantile(steady, q) for q in (0.5, 0.99, 1)},
        "from_send_ms": {f"p{q * 100:g}": latency.quantile(from_send, q) for q in (0.5, 0.99, 1)}, "quiet_probes": len(quietly),
        "quiet_ms": {f"p{q * 100:g}": latency.quantile(quietly, q) for q in (0.5, 0.99)},
        "deliveries_per_s": deliveries, "frames_per_delivery": counted["frames"] / max(1, counted["reads"]),
        "bytes_per_client_s": counted["bytes"] / counted["seconds"] / clients,
        "bytes_per_delivery": counted["bytes"] / max(1, counted["reads"]), "closed": whole["closed"],
        "front_cores": usage["cores"], "front_base_cores": base["cores"],
        "us_per_delivery": (usage["cores"] - base["cores"]) / deliveries * 1e6,
        "crowd_cores": counted["cpu_s"] / counted["seconds"],
        "samples_cores": (after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime) / elapsed, "load": loaded}


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", default="1000,5000,10000")
    parser.add_argument("--every", default="25ms,100ms", help="as in a subscription")
    parser.add_argument("--seconds", type=float, default=10, help="of probes, for each run")
    parser.add_argument("--rate", type=int, default=10_000, help="events a second")
    parser.add_argument("--no-nchan", action="store_true", help="without nginx")
    parser.add_argument("--json", help="also write the figures here")
    options = parser.parse_args()
    counts = [int(count) for count in options.clients.split(",")]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = max(counts) + 1000
    if hard < needed:
        sys.exit(f"{max(counts)} clients need {needed} open files a process, and the limit is {hard}: raise it (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    rows = []
    with contextlib.ExitStack() as stack:
        nchan = None if options.no_nchan else live_peers.Nchan.start(stack, say)
        target = stack.enter_context(latency.front())
        idle = idle_memory(target, min(5000, max(counts)))
        say(f"an idle client takes {idle['silent']:.0f} bytes, with eight subscriptions {idle['subscribed']:.0f}")
        for number, (clients, every) in enumerate((clients, every) for clients in counts for every in options.every.split(",")):
            row = run(target, clients, every, options, number)
            time.sleep(2)
            row["bare"] = live_peers.bare(row)
            row["nchan"] = nchan.measure(row) if nchan else None
            rows.append(row)
            say(json.dumps(row))
    live_peers.table(rows, idle)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"idle": idle, "rows": rows}, indent=1))
    if any(row["closed"] for row in rows):
        sys.exit("some clients were cut off")


if __name__ == "__main__":
    main()
