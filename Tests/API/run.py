#!/usr/bin/env python3
"""Runs schemathesis, with every check it has, against a `weir up` of its own; called by `./dev schemathesis`.

    run.py SCHEMATHESIS [ARGUMENT …]

SCHEMATHESIS is the program; further arguments go to its `run`. The installation has tokens, some events of several services,
and events that the worker refused. Ends with schemathesis' exit code, or 1 where the front did not outlive it.
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Browser"))
from weir_up import WeirUp  # noqa: E402

TOKEN = "schemathesis-reads-all"
EVENTS = 500


def post(up, path, body, kind):
    request = urllib.request.Request(
        up.url + path, data=body.encode(), headers={"Content-Type": kind, "Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def get(up, path):
    request = urllib.request.Request(up.url + path, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def fill(up):
    """Events of the last hour, and some that the worker cannot count."""
    chance = random.Random(7)
    now = int(time.time() * 1000)
    lines = [json.dumps({
        "ts": now - chance.randrange(3_600_000), "service": chance.choice(["checkout", "search", "login"]),
        "endpoint": chance.choice(["/pay", "/cart", "/q,\"x\""]), "status": chance.choice([200, 200, 404, 500]),
        "duration_ms": round(chance.lognormvariate(3, 1), 3), "user": f"u{chance.randrange(50)}",
    }) for _ in range(EVENTS)]
    post(up, "/api/v1/events", "\n".join(lines), "application/x-ndjson")
    for _ in range(5):
        subprocess.run(
            ["redis-cli", "-s", str(up.folder / "data/run/redis.sock"), "XADD", "weir:{0}:events", "*", "ts", "never"],
            check=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        answer = get(up, "/api/v1/query?metric=events&from=-2h&step=1d")
        if sum(sum(series["count"]) for series in answer["series"]) >= EVENTS and get(up, "/api/v1/refused")["refused"]:
            return
        time.sleep(0.1)
    raise SystemExit("the worker did not apply the events within 30 s")


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory(prefix="weir-api-") as folder:
        tokens = pathlib.Path(folder, "tokens")
        tokens.write_text(f"admin {TOKEN}\n")
        with WeirUp("--no-generate", "--tokens", str(tokens)) as up:
            fill(up)
            code = subprocess.run(
                [sys.argv[1], "--config-file", str(HERE / "schemathesis.toml"), "run", up.url + "/openapi.yaml",
                 "--header", f"Authorization: Bearer {TOKEN}", *sys.argv[2:]],
                env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "WEIR_URL": up.url,
                     "WEIR_TOKEN": TOKEN, "PYTHONDONTWRITEBYTECODE": "1"}, cwd=folder).returncode
            if up.process.poll() is not None:
                print(f"weir up ended meanwhile:\n{up.output()}")
                return 1
            return code


sys.exit(main())
