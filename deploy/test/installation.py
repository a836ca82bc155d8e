"""Parts of an installation, each run by itself: Redis, a process of ours, nginx with deploy/nginx.conf."""
import http.client
import json
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
sys.path[:0] = [str(ROOT / "Tests/Browser"), str(ROOT / "Tests/Bench")]
from weir_up import executable, free_port  # noqa: E402

WEIR = executable()


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def eventually(what, body, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = body()
        except (OSError, http.client.HTTPException):
            found = None
        if found:
            return found
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {seconds} s")
        time.sleep(0.05)


class Redis:
    def __init__(self, folder):
        self.folder = folder
        self.folder.mkdir()
        self.socket = str(folder / "redis.sock")
        self.process = None

    def start(self, appendonly="yes"):
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", str(self.folder), "--appendonly", appendonly,
             "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"], stdout=subprocess.DEVNULL)
        eventually("Redis answers", lambda: self.cli("PING", check=False) == "PONG")

    def cli(self, *words, check=True):
        done = subprocess.run(["redis-cli", "-s", self.socket, *words], capture_output=True, text=True, check=check)
        return done.stdout.strip()

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=30)


class Process:
    """A process of ours, which may be stopped in order and started again."""

    def __init__(self, name, command, port, environment, folder):
        self.name, self.command, self.port, self.environment = name, command, port, environment
        self.log = open(folder / f"{name}.log", "a")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [WEIR, *self.command, "--listen", f"127.0.0.1:{self.port}"], env=self.environment, stderr=self.log)

    def is_ready(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
            return answer.status == 200

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=12)
        assert code == 0, f"{self.name} ended with {code}"

    def restart(self):
        self.stop()
        self.start()
        eventually(f"{self.name} is ready", self.is_ready)


class Nginx:
    def __init__(self, folder, ports):
        self.folder = folder / "nginx"
        self.folder.mkdir()
        self.port, self.plain = free_port(), free_port()
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost", "-keyout", self.folder / "key.pem", "-out", self.folder / "cert.pem")
        text = (DEPLOY / "nginx.conf").read_text()
        servers = "\n".join(f"    server 127.0.0.1:{port} max_fails=1 fail_timeout=2s;" for port in ports)
        for ours, theirs in [
                ("    server 127.0.0.1:8080 max_fails=1 fail_timeout=2s;", servers), ("listen 443", f"listen 127.0.0.1:{self.port}"),
                ("listen 80;", f"listen 127.0.0.1:{self.plain};"), ("weir.example.org", "localhost"),
                ("/etc/ssl/certs/weir.pem", f"{self.folder}/cert.pem"), ("/etc/ssl/private/weir.key", f"{self.folder}/key.pem")]:
            assert ours in text, f"deploy/nginx.conf has no {ours}"
            text = text.replace(ours, theirs)
        paths = "\n".join(f"    {name}_temp_path {self.folder}/{name};" for name in
                          ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
        (self.folder / "nginx.conf").write_text(
            f"pid {self.folder}/pid;\nerror_log {self.folder}/error.log;\nworker_processes 2;\nevents {{}}\n"
            f"http {{\n    access_log off;\n{paths}\n{text}\n}}\n")
        self.process = subprocess.Popen(["nginx", "-c", str(self.folder / "nginx.conf"), "-e", str(self.folder / "error.log"),
                                         "-g", "daemon off;"])
        self.tls = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        eventually("nginx answers", lambda: self.get("/").status == 200)

    def connect(self, address, timeout):
        return self.tls.wrap_socket(socket.create_connection(("127.0.0.1", address[1]), timeout), server_hostname="localhost")

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=15, context=self.tls)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            answer.text = answer.read().decode()
            return answer
        finally:
            connection.close()

    def get(self, path):
        return self.request("GET", path)

    def json(self, path):
        answer = self.get(path)
        assert answer.status == 200, f"{path}: {answer.status} {answer.text}"
        return json.loads(answer.text)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)
