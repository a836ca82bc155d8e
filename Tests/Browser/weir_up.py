"""A `weir up` of one's own, for as long as a test needs it."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
START = 60  # seconds: the first start also creates the database
STOP = 10   # seconds, as promised


def executable():
    named = os.environ.get("WEIR_BIN")
    for path in [named] if named else [ROOT / ".build/release/weir", ROOT / ".build/debug/weir"]:
        if os.access(path, os.X_OK):
            return str(path)
    raise SystemExit("no weir executable: build it (swift build), name one in WEIR_BIN, or give a URL")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class WeirUp:
    def __init__(self, *arguments):
        self.arguments = arguments

    def __enter__(self):
        binary = executable()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-up-"))
        self.folder.chmod(0o755)  # run by root, PostgreSQL is another user and must get in
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = open(self.folder / "log", "w+")
        self.process = subprocess.Popen(
            [binary, "up", "--data", str(self.folder / "data"), "--listen", self.url.removeprefix("http://"),
             "--work-listen", "127.0.0.1:0", "--generate-listen", "127.0.0.1:0", *self.arguments],
            stdout=self.log, stderr=subprocess.STDOUT)
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _wait_until_ready(self):
        deadline = time.monotonic() + START
        while True:
            if self.process.poll() is not None:
                raise SystemExit(f"weir up ended with {self.process.returncode}:\n{self.output()}")
            try:
                with urllib.request.urlopen(self.url + "/readyz", timeout=2):
                    return
            except OSError:
                if time.monotonic() > deadline:
                    raise SystemExit(f"weir up was not ready within {START} s:\n{self.output()}") from None
                time.sleep(0.1)

    def output(self):
        self.log.flush()
        return (self.folder / "log").read_text()[-4000:]

    def left_over(self):
        """Processes that still work in this installation's folder, by what they were called with and where they are."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                if str(self.folder) in command or os.readlink(entry / "cwd").startswith(str(self.folder)):
                    found[int(entry.name)] = command
            except OSError:
                continue  # it ended while we looked
        return found

    def part(self, command):
        """The number of the process that `weir up` runs as `weir COMMAND`."""
        parts = {}
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == self.process.pid:
                    parts[int(entry.name)] = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
        found = [pid for pid, words in parts.items() if words[1:2] == [command]]
        assert len(found) == 1, f"not one process of weir {command} among {parts}"
        return found[0]

    def stops_on_interrupt_and_leaves_nothing(self):
        assert self.process.poll() is None, f"weir up ended by itself:\n{self.output()}"
        assert self.left_over(), "no process was found even while it runs: the search is broken"
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(timeout=STOP)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running {STOP} s after the interrupt:\n{self.output()}") from None
        assert code == 0, f"ended with {code}:\n{self.output()}"
        assert not self.left_over(), f"left behind: {self.left_over()}"

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=STOP)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for left in self.left_over():
            os.kill(left, signal.SIGKILL)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
