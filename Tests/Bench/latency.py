#!/usr/bin/env python3
"""Measures how long an event takes from ingest to the WebSocket frame that shows it: docs/measurements.md says what came out.

    latency.py [--rates 100,10000] [--every 25ms,100ms] [--seconds 60] [--json FILE]

At WEIR_URL (token in WEIR_TOKEN), or at a `weir up --no-generate` of its own. While events arrive at a steady rate from
another process, probes are posted at random times, some 10 a second, each alone in its bucket (label and second). Two
subscriptions for each `every` watch them: one to all services, which changes all the time (steady), one to the probes alone,
of which those count that came after quiet: no frame for longer than `every`. For every probe and subscription: time to the
frame with its bucket, counted from the 202 and from the request.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import resource
import select
import socket
import sys
import time
import urllib.parse
import urllib.request

from load import Load, request
from websocket import WebSocket

PROBES_PER_S = 10
LABELS = 60          # below the limit of series in an answer, which is 100; one is used every 6 seconds
WARM_UP = 3          # seconds of load before the first probe
PATIENCE = 3         # seconds for the last frames


class Subscription:
    """One WebSocket with one subscription, and when it showed which probe."""

    def __init__(self, target, every, kind):
        self.every, self.kind = every, kind
        self.quiet_after = 1.1 * float(every.removesuffix("ms")) / 1000
        headers = [f"Authorization: Bearer {target.token}"] if target.token else []
        self.socket = WebSocket(target.host, target.port, "/api/v1/live", headers)
        self.seen, self.sequence, self.gaps, self.bytes, self.frames = {}, None, 0, 0, 0
        self.ready, self.last_frame, self.quiet, self.expected = False, 0, set(), 0
        asked = {
            "type": "subscribe", "id": f"{kind}-{every}", "metric": "request_count", "agg": ["count"], "by": ["service"],
            "window": "1m", "step": "1s", "every": every}
        if kind == "quiet":
            asked["label"] = {"service": "probe-*"}
        self.socket.send(json.dumps(asked))

    def note(self, probe, now):
        """A probe goes out now: remembers whether it is the first thing to tell for a while."""
        if now - self.last_frame > self.quiet_after and len(self.seen) == self.expected:
            self.quiet.add(probe)
        self.expected += 1

    def read(self):
        for received, text in self.socket.messages():
            message = json.loads(text)
            if message["type"] == "error":
                raise SystemExit(f"{self.kind}: {message['detail']}")
            self.ready = self.ready or message["type"] == "snapshot"
            if message["type"] != "update":
                continue
            self.frames += 1
            self.last_frame = received
            self.bytes += len(text)
            if self.sequence is not None and message["seq"] != self.sequence + 1:
                self.gaps += 1
            self.sequence = message["seq"]
            for series in message["series"]:
                service = series["labels"].get("service", "")
                if service.startswith("probe-"):
                    for start in series["t"]:
                        self.seen.setdefault((service, start), received)


class Target:
    def __init__(self, url, token):
        self.url, self.token = url.rstrip("/"), token
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port or 80

    def cpu_s(self):
        """CPU of the front so far."""
        asked = urllib.request.Request(self.url + "/metrics")
        if self.token:
            asked.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(asked, timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith("process_cpu_seconds_total "):
                    return float(line.split()[1])
        return float("nan")


class Prober:
    """Posts events one at a time; all is seen by one thread, so that no other is scheduled in between."""

    def __init__(self, target, subscriptions, run):
        self.target, self.subscriptions, self.run = target, subscriptions, run
        self.connection = None
        self.sent, self.accepted, self.number = {}, {}, 0
        self.answer, self.open_probe = b"", None

    def wait_for_snapshots(self):
        deadline = time.monotonic() + 10
        while not all(each.ready for each in self.subscriptions):
            if time.monotonic() > deadline:
                raise SystemExit("no snapshot within 10 s")
            self.turn(0.1)

    def turn(self, wait):
        """Waits for something to read, and reads it."""
        sockets = [each.socket for each in self.subscriptions] + ([self.connection] if self.connection else [])
        readable, _, _ = select.select(sockets, [], [], max(0, wait))
        # The answer first: its time is the start of what is measured.
        if self.connection in readable:
            data = self.connection.recv(1 << 16)
            now = time.monotonic()
            if not data:
                raise SystemExit("the front closed the connection of the probes")
            self.answer += data
            if b"\r\n\r\n" in self.answer:
                if not self.answer.startswith(b"HTTP/1.1 202 "):
                    raise SystemExit(f"a probe was answered {self.answer.splitlines()[0].decode()}")
                self.accepted[self.open_probe] = now
                self.open_probe, self.answer = None, b""
        for each in self.subscriptions:
            if each.socket in readable:
                each.read()

    def probe(self):
        label = f"probe-{self.number % LABELS}"
        now_ms = time.time_ns() // 1_000_000
        key = (label, now_ms - now_ms % 1000)
        if key in self.sent:
            return
        self.number += 1
        body = f'{{"ts":{now_ms},"service":"{label}","endpoint":"/{self.run}","status":200}}\n'.encode()
        data = request(self.target.host, self.target.port, body, self.target.token)
        self.open_probe = key
        self.sent[key] = time.monotonic()
        for each in self.subscriptions:
            each.note(key, self.sent[key])
        self.connection.sendall(data)

    def measure(self, seconds, rng):
        # Not before it is needed: the front closes what is idle.
        self.connection = socket.create_connection((self.target.host, self.target.port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end = time.monotonic() + seconds
        due = time.monotonic()
        while (now := time.monotonic()) < end:
            if now >= due and self.open_probe is None:
                self.probe()
                due = time.monotonic() + rng.expovariate(PROBES_PER_S)
            self.turn(min(end, due) - time.monotonic() if self.open_probe is None else end - time.monotonic())
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not all(self.sent.keys() <= each.seen.keys() for each in self.subscriptions):
            self.turn(end - time.monotonic())


def quantile(values, q):
    return sorted(values)[int(q * (len(values) - 1))] if values else float("nan")


def measured(target, rate, everies, seconds, run):
    rng = random.Random(rate)
    with Load(target.host, target.port, target.token, rate) as load:
        time.sleep(WARM_UP)
        subscriptions = [Subscription(target, every, kind) for kind in ("steady", "quiet") for every in everies]
        prober = Prober(target, subscriptions, run)
        prober.wait_for_snapshots()
        front_s, own, began = target.cpu_s(), resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        prober.measure(seconds, rng)
        elapsed = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_SELF)
        front = 100 * (target.cpu_s() - front_s) / elapsed
        loaded = load.finish()
    own_cpu = 100 * (after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime) / elapsed
    for each in subscriptions:
        each.socket.close()
        missing = sum(key not in each.seen for key in prober.sent)
        shown = [key for key in prober.sent if key in each.seen and (each.kind == "steady" or key in each.quiet)]
        accepted = [(each.seen[key] - prober.accepted[key]) * 1000 for key in shown]
        sent = [(each.seen[key] - prober.sent[key]) * 1000 for key in shown]
        yield {
            "rate": rate, "every": each.every, "kind": each.kind, "probes": len(prober.sent), "counted": len(shown),
            "missing": missing, "sequence_gaps": each.gaps,
            "from_202_ms": {name: quantile(accepted, q) for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1))},
            "from_send_ms": {name: quantile(sent, q) for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1))},
            "frames_per_s": each.frames / elapsed, "kb_per_s": each.bytes / elapsed / 1000, "load": loaded,
            "front_cpu_percent": front, "own_cpu_percent": own_cpu}


def table(rows):
    print("| events/s | subscription | every | probes counted (never shown) | from 202: p50 | p99 | max | from send: p50 | p99 | max "
          "| frames/s |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        times = [f"{row[start][name]:.1f}" for start in ("from_202_ms", "from_send_ms") for name in ("p50", "p99", "max")]
        print(f"| {row['rate']} | {row['kind']} | {row['every']} | {row['counted']} ({row['missing']}) | "
              f"{' | '.join(times)} | {row['frames_per_s']:.1f} |")
    print()
    for rate in dict.fromkeys(row["rate"] for row in rows):
        row = next(row for row in rows if row["rate"] == rate)
        load = row["load"]
        print(f"{rate} events/s: {load['events_per_s']:.0f} sent, {load['refused_batches']} batches refused, at most "
              f"{load['most_unanswered_batches']} unanswered; CPU: load {load['cpu_percent']:.0f} %, probes "
              f"{row['own_cpu_percent']:.0f} %, front {row['front_cpu_percent']:.0f} %")


@contextlib.contextmanager
def front():
    if os.environ.get("WEIR_URL"):
        yield Target(os.environ["WEIR_URL"], os.environ.get("WEIR_TOKEN"))
        return
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Browser"))
    from weir_up import WeirUp
    with WeirUp("--no-generate") as up:
        yield Target(up.url, None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", default="100,10000", help="events per second, one run for each")
    parser.add_argument("--every", default="25ms,100ms", help="as in a subscription")
    parser.add_argument("--seconds", type=float, default=60, help="for each run")
    parser.add_argument("--json", help="also write the figures here")
    options = parser.parse_args()
    rows = []
    with front() as target:
        for run, rate in enumerate(int(rate) for rate in options.rates.split(",")):
            rows += measured(target, rate, options.every.split(","), options.seconds, f"probe-{run}")
    table(rows)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=1))
    if any(row["missing"] for row in rows):
        sys.exit("some probes were never shown")


if __name__ == "__main__":
    main()
