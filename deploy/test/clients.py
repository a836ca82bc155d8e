"""A client of each kind, that goes on while processes are restarted: one that sends events, one that watches."""
import http.client
import json
import random
import ssl
import threading
import time

import installation  # noqa: F401  (makes the next one found)
from websocket import WebSocket

BATCH = 20


class TLSWebSocket(WebSocket):
    def _receive(self):
        try:
            super()._receive()
        except ssl.SSLWantReadError:
            raise BlockingIOError from None


class Sender(threading.Thread):
    """Posts batches, and repeats one that failed once."""

    def __init__(self, nginx, number, pace):
        super().__init__(daemon=True)
        self.nginx, self.number, self.pace = nginx, number, pace
        self.sent = self.repeated = 0
        self.failed = []
        self.is_ended = threading.Event()

    def post(self, body, key):
        try:
            answer = self.nginx.request("POST", "/api/v1/events", body, {
                "Content-Type": "application/x-ndjson", "Idempotency-Key": key})
            return "" if answer.status == 202 else f"{answer.status} {answer.text}"
        except (OSError, http.client.HTTPException) as error:
            return repr(error)

    def run(self):
        chance = random.Random(self.number)
        while not self.is_ended.wait(self.pace):
            key = f"{self.number}-{self.sent}-{chance.random()}"
            body = "\n".join(json.dumps({"service": f"s{chance.randrange(5)}", "endpoint": "/", "status": 200,
                                         "duration_ms": chance.randrange(500)}) for _ in range(BATCH))
            problem = self.post(body, key)
            if problem:
                self.repeated += 1
                time.sleep(0.3)
                problem = self.post(body, key)
            if problem:
                self.failed.append(problem)
            else:
                self.sent += BATCH


class Watcher(threading.Thread):
    """A live client that connects again, and keeps the picture that a dashboard would show."""

    def __init__(self, nginx):
        super().__init__(daemon=True)
        self.nginx = nginx
        self.picture = {}
        self.gaps, self.reasons = [], []
        self.is_ended = threading.Event()
        self.is_whole = threading.Event()

    def run(self):
        lost = None
        while not self.is_ended.is_set():
            try:
                live = TLSWebSocket("localhost", self.nginx.port, "/api/v1/live", connect=self.nginx.connect)
                live.send(json.dumps({"type": "subscribe", "id": "a", "metric": "events", "agg": ["count"], "window": "5m",
                                        "step": "1s", "every": "100ms"}))
                while not self.is_ended.is_set():
                    for _, message in live.messages():
                        lost = self.take(json.loads(message), lost)
                    time.sleep(0.02)
                live.close()
            except (OSError, SystemExit) as error:
                lost = lost or time.monotonic()
                self.is_whole.clear()
                self.reasons.append(str(error))
                time.sleep(0.1)

    def take(self, message, lost):
        if message["type"] not in ("snapshot", "update"):
            return lost
        if message["type"] == "snapshot":
            self.picture = {}
            self.is_whole.set()
            if lost is not None:
                self.gaps.append(time.monotonic() - lost)
                lost = None
        for series in message["series"]:
            self.picture.update(zip(series["t"], series["count"]))
        return lost
