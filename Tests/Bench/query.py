#!/usr/bin/env python3
"""Measures how fast questions are answered while 10,000 events/s come in: docs/measurements.md says what came out.

    query.py [--rounds 3] [--seconds 2] [--days 30] [--clients 16] [--quick] [--no-peer] [--format table|json]

A redis-server and a PostgreSQL of its own in temporary folders, the release build's `weir work` and `weir serve`. 1,000 label sets
(50 services x 20 endpoints): 75 minutes of events through the stream and a worker, 30 days of hours and a day of minutes in
PostgreSQL (query_data.py tells how). Then, round by round, `weir bench query` asks with 16 clients at once, each question for
`--seconds`, while a writer of its own posts 10,000 events/s; first each client again once it is answered (closed loop), then at
four requests a second for each client, or half of what it managed (paced). Server times are `took_ms`; what a question costs is
the CPU that front, Redis and PostgreSQL use beyond what the events alone cost them. Cold: a front
that keeps nothing of history, one client. `weir compact` passes each minute.

The same data goes into a victoria-metrics of Debian's, second by second what an agent would have made of the events, too. It is
asked by the same clients while the events for Weir pause, so it has the machine for itself. Then psql is timed with the same questions.

Each request that is under way is waited for, so slow answers make it long: some four minutes where questions are answered within
their goals, ten where they take a second each. Exits with 1 where a request failed. --quick: one round, shorter, seven days of
history.
"""
import argparse
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import drain
import query_data
import query_peers
from compact import Postgres
from load import Load
from victoria import Feed, VictoriaMetrics
from websocket import WebSocket

RATE = 10_000
PACE_OF_CLIENT = 4    # requests a second
WARM_UP = 0.5         # seconds
GROUPS = 30           # seconds until the groups of the last hour stand
COLD = 20             # questions about all services
HOUR = ["--ask", "1h", "--metric", "request_count"]
# name, arguments, goal of the server's p99 in ms
CLOSED = [
    ("5 min, 1 s, one series", ["--ask", "5m"], 1),
    ("1 h, 10 s, count by service", HOUR, 5),
    ("1 h, 10 s, p99 by service", ["--ask", "1h"], 5),
    ("1 h, 10 s, count by service, live", HOUR, 1),
    ("30 d, 1 h, p99, one service", ["--ask", "30d-one"], 2),
    ("30 d, 1 h, p99 by service", ["--ask", "30d"], 2),
]
LIVE = {"type": "subscribe", "id": "h", "metric": "request_count", "agg": ["count"], "by": ["service"], "window": "1h",
        "step": "10s", "every": "1s"}


class Front:
    """`weir serve` on the private stores."""

    def __init__(self, redis, postgres, *arguments):
        self.port = drain.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = open(pathlib.Path(redis.folder) / f"front-{self.port}.log", "w+")
        self.process = subprocess.Popen(
            [drain.executable(), "serve", "--listen", f"127.0.0.1:{self.port}", "--redis-url", f"unix://{redis.path}",
             "--postgres-url", postgres.url, *arguments], env=drain.environment(), stdout=self.log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(self.url + "/readyz", timeout=2):
                    return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.log.seek(0)
                    sys.exit(f"weir serve is not ready:\n{self.log.read()}")
                time.sleep(0.02)

    def ask(self, target):
        """Asks once; the server's time in ms, that of the round trip, and the body."""
        began = time.monotonic()
        with urllib.request.urlopen(self.url + target, timeout=60) as answer:
            body = answer.read()
        elapsed = (time.monotonic() - began) * 1000
        return float(body[body.rindex(b'"took_ms":') + 10:-1]), elapsed, body

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Passes:
    """`weir compact` each minute, as in every installation."""

    def __init__(self, redis, postgres):
        self.arguments = ["--redis-url", f"unix://{redis.path}", "--postgres-url", postgres.url, "--every", "60s"]

    def __enter__(self):
        self.process = subprocess.Popen([drain.executable(), "compact", *self.arguments], env=drain.environment(),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


class LiveView:
    """A dashboard that shows the last hour by service, live, and reads what it is sent."""

    def __init__(self, front):
        self.socket = WebSocket("127.0.0.1", front.port, "/api/v1/live")
        self.socket.send(json.dumps(LIVE))
        self.messages, self.stop = [], threading.Event()
        self.thread = threading.Thread(target=self.read)
        self.thread.start()
        deadline = time.monotonic() + 10
        while "snapshot" not in self.messages:
            if "error" in self.messages or time.monotonic() > deadline:
                self.close()
                sys.exit(f"no live hour: {self.messages}")
            time.sleep(0.01)

    def read(self):
        while not self.stop.wait(0.05):
            self.messages += [json.loads(text)["type"] for _, text in self.socket.messages()]

    def close(self):
        self.stop.set()
        self.thread.join()
        self.socket.close()


def bench(url, arguments, options, seconds, pace=None):
    """Runs `weir bench query`; its one run."""
    command = [drain.executable(), "bench", "query", "--url", url, "--format", "json", "--clients", str(options.clients),
               "--duration", f"{seconds * 1000:.0f}ms", "--warm-up", f"{WARM_UP * 1000:.0f}ms", *arguments]
    if pace:
        command += ["--rate", str(pace)]
    done = subprocess.run(command, env=drain.environment(), capture_output=True, text=True)
    if done.returncode:
        print(f"{' '.join(command)}: {done.stderr}", file=sys.stderr)
    if not done.stdout:
        sys.exit(1)
    return json.loads(done.stdout)["runs"][0]


class Stores:
    """What answers, and what CPU it has used so far."""

    def __init__(self, redis, postgres, front):
        self.redis, self.postgres, self.front = redis, postgres, front

    def cpu_s(self):
        return {"front": drain.cpu_s(self.front.process.pid), "redis": drain.cpu_s(self.redis.process.pid),
                "postgres": self.postgres.cpu_s()}

    def used(self, body):
        """CPU in s that each used while `body` ran, how long it ran, and its result."""
        before, began = self.cpu_s(), time.monotonic()
        result = body()
        elapsed = time.monotonic() - began
        return {name: after - before[name] for name, after in self.cpu_s().items()}, elapsed, result

    def base_cores(self, seconds):
        """Cores that the events alone keep busy."""
        used, elapsed, _ = self.used(lambda: time.sleep(seconds))
        return {name: cpu / elapsed for name, cpu in used.items()}


def measured(stores, base, name, arguments, goal, options):
    used, elapsed, run = stores.used(lambda: bench(stores.front.url, arguments, options, options.seconds))
    # What was asked to warm up cost as much a request as what was counted.
    requests = max(1, run["requests"]) * (run["seconds"] + WARM_UP) / run["seconds"]
    run["cpu_ms"] = {part: max(0, cpu - base[part] * elapsed) * 1000 / requests for part, cpu in used.items()}
    pace = min(options.clients * PACE_OF_CLIENT, run["requests_per_s"] / 2)
    paced = bench(stores.front.url, arguments, options, max(options.seconds / 2, 2 / pace), pace)
    return {"name": name, "goal_ms": goal, "closed": run, "paced": paced}


def cold(redis, postgres, options):
    """Server times of a front that keeps nothing of history, and whose groups of the last hour stand: each service, then all."""
    services = [f"service-{number:02}" for number in range(50)]
    metric = f"/api/v1/query?metric=response_time&agg=p99&from=-{options.days}d&step=1h&by=service"
    with contextlib.closing(Front(redis, postgres, "--query-cache", "0")) as front:
        time.sleep(GROUPS)
        one = [front.ask(f"{metric}&label.service={service}")[:2] for service in services]
        whole = [front.ask(metric) for _ in range(COLD)]
    answer = json.loads(whole[0][2])
    points = sum(len(series["t"]) for series in answer["series"])
    return {"one": [took for took, _ in one], "one_round_trip": [elapsed for _, elapsed in one],
            "all": [took for took, _, _ in whole], "all_round_trip": [elapsed for _, elapsed, _ in whole], "points": points,
            "bytes": len(whole[0][2])}


def one_round(redis, postgres, front, server, recent, options, say):
    stores, result = Stores(redis, postgres, front), {}
    with Load("127.0.0.1", front.port, None, RATE, recent.bodies) as load:
        time.sleep(2)
        base = stores.base_cores(2)
        result["base_cores"] = base
        result["limit"] = bench(front.url, ["--ask", "healthz"], options, options.seconds / 2)
        result["questions"] = []
        for name, arguments, goal in CLOSED:
            view = LiveView(front) if name.endswith("live") else None
            result["questions"].append(measured(stores, base, name, arguments, goal, options))
            if view:
                view.close()
            say(f"{name}: {result['questions'][-1]['closed']['requests_per_s']:,.1f} requests/s")
        result["dashboard"] = bench(front.url, ["--ask", "dashboard"], options, 2 * options.seconds)
        result["cold"] = cold(redis, postgres, options)
        result["load"] = load.finish()
    if server:
        result["peer"] = query_peers.victoria_metrics(server, options, bench)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="for each question")
    parser.add_argument("--days", type=int, default=query_data.DAYS, help="of hours in history")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-peer", action="store_true", help="without VictoriaMetrics")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.days = 1, 1, 7
    began = time.monotonic()

    def say(text):
        print(f"[{time.monotonic() - began:5.0f} s] {text}", file=sys.stderr)

    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(drain.redis_server("everysec"))
        postgres = stack.enter_context(contextlib.closing(Postgres()))
        server = None if options.no_peer else stack.enter_context(contextlib.closing(VictoriaMetrics()))
        recent = query_data.load_all(redis, postgres, server, options, say)
        stack.enter_context(drain.Worker(redis, "five"))
        front = stack.enter_context(contextlib.closing(Front(redis, postgres)))
        stack.enter_context(Passes(redis, postgres))
        time.sleep(GROUPS)
        if server:
            stack.enter_context(Feed(server, recent.live_lines))
        rounds = []
        for number in range(options.rounds):
            rounds.append(one_round(redis, postgres, front, server, recent, options, say))
            say(f"round {number + 1} of {options.rounds} is over")
        sql = query_peers.plain_sql(postgres, options)
    say("done")
    failed = sum(question["closed"]["failed"] + question["paced"]["failed"] for one in rounds for question in one["questions"])
    failed += sum(one["dashboard"]["failed"] for one in rounds)
    if options.format == "json":
        print(json.dumps({"rounds": rounds, "sql": sql}, indent=1))
    else:
        query_peers.table(rounds, sql, options)
    if failed:
        sys.exit(f"{failed} requests failed")


if __name__ == "__main__":
    main()
