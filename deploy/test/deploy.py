#!/usr/bin/env python3
"""Holds the rest of deploy/ to what it promises; called by `./dev test-deploy`.

    deploy.py KUBERNETES_VALIDATE [--seconds-between 2]

Kubernetes files against the schemas, systemd units, the line of cron; nginx with our configuration in front of two fronts (REST, TLS,
WebSocket, server-sent events); fronts and workers restarted one by one under load, where no event may be lost or doubled, no
request fail twice, and every live client be whole again within 5 s; and backup and restore of both stores.
"""
import argparse
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from installation import DEPLOY, WEIR, Nginx, Process, Redis, eventually, free_port, run
from clients import Sender, TLSWebSocket, Watcher
from compact import Postgres

WHOLE_AGAIN = 5  # seconds, as promised


# --- files ----------------------------------------------------------------------------------------------------------------

def kubernetes_is_valid(validate):
    folder = DEPLOY / "kubernetes"
    named = set(re.findall(r"^  - (\w+\.yaml)$", (folder / "kustomization.yaml").read_text(), re.M))
    files = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert named == files, f"kustomization.yaml names {named}, and there are {files}"
    out = run(validate, "--strict", *sorted(folder / name for name in files))
    print(f"Kubernetes: {out.count(' passed ')} resources are valid")


def units_are_valid(folder):
    units = []
    for path in sorted((DEPLOY / "systemd").iterdir()):
        (folder / path.name).write_text(path.read_text().replace("/usr/local/bin/weir", WEIR))
        units.append(folder / path.name)
    done = subprocess.run(["systemd-analyze", "verify", *map(str, units)], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    print(f"systemd: {len(units)} units are valid")


def cron_makes_a_pass(folder, environment):
    line = [line for line in (DEPLOY / "cron/weir").read_text().splitlines() if line.startswith("* ")][0]
    command = line.split(None, 6)[6]
    assert line.split()[5] == "weir", "the line names its user"
    for path, ours in [("/usr/local/bin/weir", WEIR), ("/var/lib/weir", str(folder)), ("/var/log/weir", str(folder))]:
        command = command.replace(path, ours)
    run("sh", "-c", command, env=environment)
    log = folder / "compact.log"
    assert log.read_text(), "the pass has logged nothing"
    size = log.stat().st_size
    with subprocess.Popen(["flock", str(folder / "compact.lock"), "sleep", "60"]) as holder:
        eventually("the lock is held", lambda: subprocess.run(
            ["flock", "-n", str(folder / "compact.lock"), "true"]).returncode == 1)
        run("sh", "-c", command, env=environment)
        holder.terminate()
    assert log.stat().st_size == size, "a second pass was started"
    print("cron: a pass is made and logged, and none beside another")


# --- through nginx -----------------------------------------------------------------------------------------------------

def total(nginx):
    answer = nginx.json("/api/v1/query?metric=events&agg=count&from=-2h&step=1h")
    return -1 if answer["degraded"] else sum(sum(series["count"]) for series in answer["series"])


def is_balanced(nginx):
    audit = nginx.json("/api/v1/audit?from=-2h")
    return audit["balanced"] and not audit["degraded"]


def proxy_carries_everything(nginx, fronts):
    assert "<html" in nginx.get("/").text.lower(), "no dashboard through nginx"
    assert nginx.json("/api/v1/metrics"), "no REST through nginx"
    plain = http.client.HTTPConnection("127.0.0.1", nginx.plain, timeout=10)
    plain.request("GET", "/x", headers={"Host": "localhost"})
    assert plain.getresponse().status == 301, "plain HTTP is not redirected"
    assert nginx.request("POST", "/api/v1/events", b"x" * (10 << 20)).status == 413
    origin = TLSWebSocket("localhost", nginx.port, "/api/v1/live", [f"Origin: https://localhost:{nginx.port}"],
                          connect=nginx.connect)
    hello = eventually("a WebSocket of a page says hello", origin.messages)
    assert json.loads(hello[0][1])["type"] == "hello"
    origin.close()
    stream = http.client.HTTPSConnection("localhost", nginx.port, timeout=10, context=nginx.tls)
    stream.request("GET", "/api/v1/live/sse?metric=events", headers={"Accept": "text/event-stream"})
    answer = stream.getresponse()
    if answer.status == 404:
        print("nginx: REST, TLS, WebSocket; server-sent events are not served by this version")
    else:
        assert answer.status == 200, f"server-sent events: {answer.status}"
        assert answer.readline(), "nothing comes of the stream"
        print("nginx: REST, TLS, WebSocket, server-sent events")
    stream.close()


def restarts_lose_nothing(nginx, fronts, workers, pause):
    before = total(nginx)
    senders = [Sender(nginx, number, 0.05) for number in range(3)]
    watchers = [Watcher(nginx) for _ in range(6)]
    for thread in senders + watchers:
        thread.start()
    for watcher in watchers:
        assert watcher.is_whole.wait(20), "a live client got no snapshot"
    time.sleep(pause)
    for process in [*fronts, *workers, *fronts, *workers]:
        process.restart()
        time.sleep(pause)
    for sender in senders:
        sender.is_ended.set()
        sender.join()
    sent = sum(sender.sent for sender in senders)
    failed = [problem for sender in senders for problem in sender.failed]
    assert not failed, f"{len(failed)} requests failed twice: {failed[:3]}"
    eventually("all events are counted", lambda: total(nginx) >= before + sent)
    counted = total(nginx) - before
    assert counted == sent, f"{sent} events were sent and {counted} counted"
    eventually("the books balance", lambda: is_balanced(nginx))
    # The picture of a dashboard is what a question says.
    answer = nginx.json("/api/v1/query?metric=events&agg=count&from=-2m&step=1s")
    truth = {t: n for series in answer["series"] for t, n in zip(series["t"], series["count"])}
    assert truth, "there is nothing to compare with"
    for watcher in watchers:
        eventually("a live client shows what a question says",
                   lambda: all(watcher.picture.get(t) == n for t, n in truth.items()), 10)
        watcher.is_ended.set()
        watcher.join()
    gaps = [gap for watcher in watchers for gap in watcher.gaps]
    closes = [reason for watcher in watchers for reason in watcher.reasons if reason.startswith("closed with")]
    assert len(gaps) >= len(fronts), "no live client lost its front, so nothing was tried"
    assert max(gaps) < WHOLE_AGAIN, f"a live client was not whole for {max(gaps):.1f} s"
    assert closes and all(reason.startswith("closed with 1001") for reason in closes), f"other closes than 1001: {closes}"
    print(f"restarts: {2 * len(fronts)} of fronts, {2 * len(workers)} of workers; {sent} events, all counted once; "
          f"{sum(sender.repeated for sender in senders)} requests repeated, none failed twice; {len(gaps)} live connections lost, whole "
          f"again within {max(gaps):.2f} s, closed with 1001")


# --- backup and restore ---------------------------------------------------------------------------------------------------

def counts(nginx):
    answer = nginx.json("/api/v1/query?metric=response_time&agg=count,sum,p99&by=service&from=-2h&step=1h")
    return sorted((s["labels"]["service"], s["count"], s["sum"], s["p99"]) for s in answer["series"])


def restores(folder, nginx, redis, postgres, environment, processes):
    known = (total(nginx), counts(nginx))
    minutes = postgres.sql_weir("SELECT count(*), sum(n) FROM weir.minute")
    assert int(minutes.split("|")[0]) > 0, "history is empty, so a backup of it proves nothing"
    run(DEPLOY / "backup.sh", folder / "backup", env=environment)
    for process in processes:
        process.stop()
    redis.stop()
    shutil.move(redis.folder, folder / "redis-before")
    redis.folder.mkdir()
    postgres.sql("DROP DATABASE weir", "DROP OWNED BY weir_reader", "DROP ROLE weir_reader", "CREATE DATABASE weir")
    run(DEPLOY / "restore.sh", folder / "backup", redis.folder, env=environment)
    redis.start(appendonly="no")
    redis.cli("CONFIG", "SET", "appendonly", "yes")
    eventually("the append-only file is written", lambda: "aof_rewrite_in_progress:0" in redis.cli("INFO", "persistence")
               and "aof_rewrite_scheduled:0" in redis.cli("INFO", "persistence"))
    redis.stop()
    redis.start()
    assert "nothing to do" in run(WEIR, "migrate", env=environment), "migrations are part of the copy"
    for process in processes:
        process.start()
        eventually(f"{process.name} is ready", process.is_ready)
    eventually("what was counted is there again", lambda: (total(nginx), counts(nginx)) == known)
    assert postgres.sql_weir("SELECT count(*), sum(n) FROM weir.minute") == minutes
    eventually("the books balance", lambda: is_balanced(nginx))
    run(WEIR, "compact", env=environment)
    assert not Sender(nginx, 99, 1).post('{"service":"s0"}', "after-restore"), "no events are taken"
    eventually("it goes on counting", lambda: total(nginx) == known[0] + 1)
    eventually("the books balance", lambda: is_balanced(nginx))
    print(f"backup and restore: {known[0]} events, {minutes.split('|')[0]} minutes, the same as before; it goes on, balanced")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("validate")
    options.add_argument("--seconds-between", type=float, default=2)
    options = options.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-deploy-"))
    folder.chmod(0o755)
    kubernetes_is_valid(options.validate)
    units_are_valid(folder)
    redis = Redis(folder / "redis")
    postgres = Postgres()
    postgres.sql("CREATE DATABASE weir")
    url = postgres.url.replace("dbname=postgres", "dbname=weir")
    postgres.sql_weir = lambda statement: run("psql", "-XqAt", "-d", url, "-c", statement).strip()
    redis.start()
    environment = {**os.environ, "WEIR_REDIS_URL": f"unix://{redis.socket}", "WEIR_POSTGRES_URL": url, "WEIR_PARTITIONS": "2",
                   "WEIR_DRAIN": "1s"}
    processes, nginx = [], None
    try:
        run(WEIR, "migrate", "--wait", "30s", env=environment)
        fronts = [Process(f"front-{n}", ["serve"], free_port(), environment, folder) for n in (1, 2)]
        workers = [Process(f"worker-{n}", ["work"], free_port(), environment, folder) for n in (1, 2)]
        processes = fronts + workers
        for process in processes:
            eventually(f"{process.name} is ready", process.is_ready)
        nginx = Nginx(folder, [front.port for front in fronts])
        proxy_carries_everything(nginx, fronts)
        restarts_lose_nothing(nginx, fronts, workers, options.seconds_between)
        # Minutes that are over, so that there is history to copy.
        old = "\n".join(json.dumps({"ts": int(time.time() * 1000) - 1_800_000 + 1000 * n, "service": f"s{n % 5}",
                                    "duration_ms": n}) for n in range(600))
        assert not Sender(nginx, 98, 1).post(old, "old")
        eventually("all is applied", lambda: is_balanced(nginx))
        cron_makes_a_pass(folder, environment)
        restores(folder, nginx, redis, postgres, environment, processes)
        for process in processes:
            process.stop()
        print("passed")
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        for process in processes:
            if process.process.poll() is None:
                process.process.kill()
        if nginx:
            nginx.stop()
        redis.stop()
        postgres.close()


main()
