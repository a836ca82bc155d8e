"""A redis-server for a measurement, and what it says about itself."""
import re
import shutil
import socket
import subprocess
import tempfile
import time


class PrivateRedis:
    """A redis-server on a socket in a temporary folder, with an append-only file as Weir runs it."""

    def __init__(self, *settings):
        self.folder = tempfile.mkdtemp(prefix="weir-bench-")
        self.path = path = self.folder + "/redis.sock"
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", path, "--dir", self.folder, "--save", "",
             "--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0",
             "--busy-reply-threshold", "60000", *settings],
            stdout=subprocess.DEVNULL)
        self.socket = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + 10
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.close()
                    raise
                time.sleep(0.01)
        self.replies = self.socket.makefile("rb", buffering=1 << 16)
        self.last_sent = 0
        self.version = self.info("server")["redis_version"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def encoded(parts):
        out = [b"*%d\r\n" % len(parts)]
        for part in parts:
            data = part.encode() if isinstance(part, str) else part
            out.append(b"$%d\r\n%b\r\n" % (len(data), data))
        return b"".join(out)

    def call(self, *parts):
        data = self.encoded(parts)
        self.last_sent = len(data)
        self.socket.sendall(data)
        return self.read()

    def pipeline(self, commands):
        for first in range(0, len(commands), 500):
            part = commands[first:first + 500]
            self.socket.sendall(b"".join(self.encoded(command) for command in part))
            for _ in part:
                self.read()

    def blast(self, chunks):
        """Sends commands that are encoded already; their replies, errors too, are thrown away by the server."""
        self.socket.sendall(self.encoded(("CLIENT", "REPLY", "OFF")))
        for chunk in chunks:
            self.socket.sendall(chunk)
        self.socket.sendall(self.encoded(("CLIENT", "REPLY", "ON")))
        self.read()

    def read(self):
        line = self.replies.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if rest == b"-1":
                return None
            return self.replies.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        raise RuntimeError(rest.decode() or "the connection is closed")

    def load(self, library):
        self.call("FUNCTION", "LOAD", "REPLACE", library)

    def info(self, section):
        text = self.call("INFO", section).decode()
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def seconds(self):
        return int(self.call("TIME")[0])

    def command_us(self, command):
        """Time spent in a command so far, as called by clients and functions."""
        found = re.search(r"usec=(\d+)", self.info("commandstats").get("cmdstat_" + command, ""))
        return int(found[1]) if found else 0

    def settle(self):
        """Waits until the append-only file has all that was written."""
        while int(self.info("persistence")["aof_pending_bio_fsync"]) > 0:
            time.sleep(0.001)

    def measured(self, *parts):
        """Makes the call and says what it cost: time in functions, CPU of the main thread, bytes sent and logged."""
        self.settle()
        aof, us, cpu = self.aof_bytes(), self.command_us("fcall"), self.cpu_us()
        reply = self.call(*parts)
        sent = self.last_sent
        cpu, us = self.cpu_us() - cpu, self.command_us("fcall") - us
        self.settle()
        return reply, {"us": us, "cpu_us": cpu, "sent": sent, "aof": self.aof_bytes() - aof}

    def cpu_us(self):
        cpu = self.info("cpu")
        return sum(float(cpu[f"used_cpu_{part}_main_thread"]) for part in ("user", "sys")) * 1e6

    def aof_bytes(self):
        return int(self.info("persistence")["aof_current_size"])
