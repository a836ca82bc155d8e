"""The crowd of live clients: what their dashboards ask for, and the program of C that plays them."""
import atexit
import base64
import functools
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

from load import SERVICES

PATIENCE = 120  # seconds for clients to connect


@functools.cache
def executable():
    """crowd.c, compiled."""
    compiler = shutil.which("cc") or shutil.which("clang")
    if not compiler:
        sys.exit("a C compiler is needed for the crowd of clients: cc or clang (apt install gcc libc6-dev)")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-crowd-"))
    atexit.register(shutil.rmtree, folder)
    source = pathlib.Path(__file__).resolve().parent / "crowd.c"
    subprocess.run([compiler, "-O2", "-o", folder / "crowd", source], check=True)
    return str(folder / "crowd")


def dashboards(every):
    """Four dashboards of eight subscriptions, about a service each: some 30 series."""
    made = []
    for index, service in enumerate(SERVICES[:4]):
        one = {"service": service}
        asked = [
            ("request_count", ["count"], ["service"], {}), ("response_time", ["p50", "p99"], ["service"], {}),
            ("request_count", ["count"], ["endpoint"], one), ("response_time", ["p99"], ["endpoint"], one),
            ("response_time", ["p50", "p90", "p99"], [], one), ("error_rate", ["ratio"], [], one),
            ("active_users", ["unique"], [], one), ("request_count", ["rate"], [], one)]
        made.append([
            {"type": "subscribe", "id": f"{index}-{number}", "metric": metric, "agg": agg, "by": by, "label": label,
             "window": "5m", "step": "1m" if metric == "active_users" else "1s", "every": every}
            for number, (metric, agg, by, label) in enumerate(asked)])
    return made


def frame(text):
    """A text frame, masked with zeros."""
    data = text.encode()
    length = struct.pack(">B", 0x80 | len(data)) if len(data) < 126 else struct.pack(">BH", 0x80 | 126, len(data))
    return b"\x81" + length + bytes(4) + data


def handshake(host, port, path, *fields):
    key = base64.b64encode(b"sixteen bytes ok").decode()
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade",
             "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", *fields, "", ""]
    return "\r\n".join(lines).encode()


class Crowd:
    """Clients of the server at `port`: with the dashboards in turn, silent ones, or of the given paths."""

    def __init__(self, host, port, boards=None, paths=None):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-crowd-")
        if paths:
            scripts = [handshake(host, port, path) for path in paths]
        else:
            begin = handshake(host, port, "/api/v1/live", "Sec-WebSocket-Protocol: weir.v1",
                              "Sec-WebSocket-Extensions: permessage-deflate")
            scripts = [begin + b"".join(frame(json.dumps(each)) for each in board) for board in boards or [[]]]
        files = []
        for index, script in enumerate(scripts):
            files.append(pathlib.Path(self.folder.name) / str(index))
            files[-1].write_bytes(script)
        self.process = subprocess.Popen(
            [executable(), "clients", "127.0.0.1" if host == "localhost" else host, str(port), *files],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.folder.cleanup()

    def _command(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("the crowd of clients has ended: see above")
        return json.loads(line)

    def open(self, count):
        """That many clients more; returns once their handshakes are over."""
        self._command(f"open {count}")

    def mark(self):
        """What came since the last mark."""
        return self._command("mark")
