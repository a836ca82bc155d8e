"""A worker that empties a full stream, and what it and its Redis needed for it."""
import collections
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from events import CURSOR, EVENTS, configuration

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "redis-scripts/bench"))
from resp import PrivateRedis  # noqa: E402

PATIENCE = 600  # seconds for a stream to be emptied
POLL = 0.005


def executable():
    path = os.environ.get("WEIR_BIN") or str(ROOT / ".build/release/weir")
    if not os.access(path, os.X_OK):
        sys.exit(f"no executable at {path}: ./dev build, or name one in WEIR_BIN")
    return path


def environment():
    """Ours without the settings of an installation: nothing but the private Redis is to be touched."""
    return {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_s(pid):
    """CPU of a process so far, of all its threads, user and system."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy_s():
    """CPU that all processes of the machine have used so far."""
    user, nice, system, _, _, irq, softirq, *_ = map(int, pathlib.Path("/proc/stat").read_text().split()[1:11])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def redis_server(aof, *settings):
    return PrivateRedis(
        "--maxmemory-policy", "noeviction", "--appendonly", "no" if aof == "off" else "yes",
        "--latency-tracking-info-percentiles", "50", "99", "100", *settings)


def load_functions(redis):
    subprocess.run(
        [executable(), "scripts", "load", "--redis-url", f"unix://{redis.path}"], check=True, env=environment(),
        stdout=subprocess.DEVNULL)


class Worker:
    """`weir work` on the private Redis, with a configuration of its own."""

    def __init__(self, redis, metrics):
        self.redis, self.metrics = redis, metrics

    def __enter__(self):
        folder = pathlib.Path(self.redis.folder)
        (folder / "weir.json5").write_text(configuration(self.metrics))
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = open(folder / "worker.log", "w+")
        self.process = subprocess.Popen(
            [executable(), "work", "--redis-url", f"unix://{self.redis.path}", "--config", str(folder / "weir.json5"),
             "--listen", self.url.removeprefix("http://")],
            env=environment(), stdout=self.log, stderr=subprocess.STDOUT)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def check(self):
        if self.process.poll() is not None:
            self.log.seek(0)
            sys.exit(f"weir work ended with {self.process.returncode}:\n{self.log.read()}")

    def self_metrics(self):
        """Its /metrics: name with labels -> value."""
        with urllib.request.urlopen(self.url + "/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line and line[0] != "#")}


def books(redis):
    """The partition's books, summed over all hours."""
    total = collections.Counter()
    for key in redis.call("KEYS", "weir:{0}:audit:*"):
        fields = redis.call("HGETALL", key)
        total.update({name.decode(): int(count) for name, count in zip(fields[::2], fields[1::2])})
    return total


def cursor(redis):
    return redis.call("HGET", CURSOR, "id") or b"0-0"


def last_entry(redis):
    return redis.call("XREVRANGE", EVENTS, "+", "-", "COUNT", "1")[0][0]


def drained(redis, worker, events):
    """Waits until all is applied; what it took from the first movement of the cursor on."""
    last, start = last_entry(redis), cursor(redis)
    deadline = time.monotonic() + PATIENCE
    while cursor(redis) == start:
        worker.check()
        if time.monotonic() > deadline:
            sys.exit("the worker does not begin")
        time.sleep(0.001)
    # What the first batches brought before anybody looked is not counted.
    began, before = time.monotonic(), books(redis)["applied"]
    worker_s, redis_s = cpu_s(worker.process.pid), cpu_s(redis.process.pid)
    others_s = busy_s() - worker_s - redis_s - time.process_time()
    redis.call("CONFIG", "RESETSTAT")
    aof = redis.aof_bytes() if "aof_current_size" in redis.info("persistence") else None
    while cursor(redis) != last:
        worker.check()
        if time.monotonic() > deadline:
            sys.exit(f"after {PATIENCE} s the worker is not done")
        time.sleep(POLL)
    elapsed = time.monotonic() - began
    others_s = busy_s() - cpu_s(worker.process.pid) - cpu_s(redis.process.pid) - time.process_time() - others_s
    worker_s, redis_s = cpu_s(worker.process.pid) - worker_s, cpu_s(redis.process.pid) - redis_s
    aof = redis.aof_bytes() - aof if aof is not None else 0
    commands, latency = redis.info("commandstats"), redis.info("latencystats")
    metrics = worker.self_metrics()
    total = books(redis)
    if total["applied"] != events or total["refused"] or total["late"]:
        sys.exit(f"the books are wrong: {dict(total)} for {events} events")
    counted = events - before
    calls, call_us = of_command(commands, "fcall")
    _, read_us = of_command(commands, "xread")
    percentiles = re.findall(r"p(\d+)=([\d.]+)", latency.get("latency_percentiles_usec_fcall", ""))
    batches = metrics["weir_work_batch_events_count"]
    return {
        "events": counted, "seconds": elapsed, "events_per_s": counted / elapsed,
        "redis_cpu_us_per_event": redis_s / counted * 1e6, "worker_cpu_us_per_event": worker_s / counted * 1e6,
        "redis_cpu_percent": 100 * redis_s / elapsed, "worker_cpu_percent": 100 * worker_s / elapsed,
        "others_cpu_percent": 100 * others_s / elapsed, "batches": batches, "events_per_batch": events / batches,
        "buckets_per_batch": metrics["weir_work_batch_buckets_sum"] / batches,
        "apply_ms": {
            "mean": metrics["weir_work_apply_seconds_sum"] / batches * 1000,
            "at_most": share(metrics, "weir_work_apply_seconds", batches)},
        # A call now and then is of the lease; it does not show.
        "redis_apply_ms": {
            "mean": call_us / max(1, calls) / 1000, **{f"p{q}": float(us) / 1000 for q, us in percentiles}},
        "redis_share": {
            "apply": call_us / 1e6 / elapsed, "read": read_us / 1e6 / elapsed},
        "inner_us_per_call": {
            name: us / max(1, calls) for name, us in inner(commands) if us > call_us * 0.01},
        "aof_bytes_per_event": aof / counted, "restarts": metrics["weir_work_restarts_total"]}


def of_command(stats, name):
    found = re.match(r"calls=(\d+),usec=(\d+)", stats.get("cmdstat_" + name, ""))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def inner(stats):
    """What the functions' own commands cost, the most first."""
    outer = {"fcall", "xread", "info", "config|resetstat", "keys", "hget", "ping", "hgetall"}
    names = [name.removeprefix("cmdstat_") for name in stats if name.startswith("cmdstat_")]
    return sorted(((name, of_command(stats, name)[1]) for name in names if name not in outer), key=lambda one: -one[1])


def share(metrics, name, total):
    """A histogram as shares at or below each bound, ms."""
    bounds = re.compile(re.escape(name) + r'_bucket\{le="([\d.e-]+)"\}')
    found = ((bounds.fullmatch(key), value) for key, value in metrics.items())
    return {f"{float(bound[1]) * 1000:g}": value / total for bound, value in found if bound}
