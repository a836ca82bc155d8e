"""A victoria-metrics of Debian's for comparison: filled over its import API, asked over Prometheus' API."""
import http.client
import json
import math
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import drain

BINARY = "victoria-metrics"
LINES_PER_REQUEST = 500
# VictoriaMetrics' own histogram: 18 buckets for each decimal power (its vmrange label).
PER_DECADE = 18


def vmrange(value):
    """The bucket a value above 0 falls into, as VictoriaMetrics' clients name it."""
    place = math.ceil(round(math.log10(value) * PER_DECADE, 9)) - 1
    return f"{10 ** (place / PER_DECADE):.3e}...{10 ** ((place + 1) / PER_DECADE):.3e}"


class VictoriaMetrics:
    """The server with its default settings, but for the port, the folder and a retention of two months."""

    def __init__(self):
        if not shutil.which(BINARY):
            sys.exit(f"{BINARY} is not installed: ./dev bench query installs it (Debian), or leave it out with --no-peer")
        self.folder = tempfile.mkdtemp(prefix="weir-bench-vm-")
        self.port = drain.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = open(self.folder + "/log", "w+")
        self.process = subprocess.Popen(
            [BINARY, "-storageDataPath", self.folder + "/data", "-httpListenAddr", f"127.0.0.1:{self.port}",
             "-retentionPeriod", "2", "-loggerLevel", "WARN"], stdout=self.log, stderr=subprocess.STDOUT)
        self.samples = 0
        deadline = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(self.url + "/health", timeout=1):
                    return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.log.seek(0)
                    sys.exit(f"{BINARY} does not start:\n{self.log.read()}")
                time.sleep(0.05)

    def load(self, lines):
        """Imports lines of its JSON, as `line` makes them, and makes them visible."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        batch = []

        def send():
            connection.request("POST", "/api/v1/import", "\n".join(batch).encode())
            answer = connection.getresponse()
            answer.read()
            if answer.status != 204:
                sys.exit(f"{BINARY} refused an import: {answer.status}")
            batch.clear()

        for text, count in lines:
            batch.append(text)
            self.samples += count
            if len(batch) == LINES_PER_REQUEST:
                send()
        if batch:
            send()
        connection.close()
        urllib.request.urlopen(self.url + "/internal/force_flush", timeout=60).read()

    def target(self, question, start, step):
        """The path and query of a question from `start` before now."""
        return "/api/v1/query_range?" + urllib.parse.urlencode({"query": question, "start": start, "step": step})

    def points(self, target):
        """How many series and points an answer has: to see that it answers what it is asked for."""
        with urllib.request.urlopen(self.url + target, timeout=60) as answer:
            result = json.loads(answer.read())["data"]["result"]
        return len(result), sum(len(series["values"]) for series in result)

    def cpu_s(self):
        return drain.cpu_s(self.process.pid)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def line(name, labels, times, values):
    """A line of /api/v1/import: a series, its times (ms) and values both as texts with commas between them."""
    metric = json.dumps({"__name__": name, **labels})
    return f'{{"metric":{metric},"values":[{values}],"timestamps":[{times}]}}', values.count(",") + 1


class Feed:
    """Second by second, what an agent would have made of the events that come in meanwhile."""

    def __init__(self, server, make):
        """`make(second)` gives the lines of a second that is over."""
        self.server, self.make = server, make
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        second = int(time.time())
        while not self.stop.wait(max(0, second + 1 - time.time())):
            body = "\n".join(text for text, _ in self.make(second)).encode()
            asked = urllib.request.Request(self.server.url + "/api/v1/import", body, method="POST")
            urllib.request.urlopen(asked, timeout=10).read()
            second += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def path_of(folder, name, targets):
    """A file of questions for `weir bench query --ask @FILE`."""
    path = pathlib.Path(folder) / f"{name}.txt"
    path.write_text("\n".join(targets) + "\n")
    return f"@{path}"
