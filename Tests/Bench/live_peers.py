"""What live push is compared with: a bare loop of sends, and nginx with nchan; and how all of it is printed."""
import contextlib
import http.client
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

from drain import cpu_s, free_port
from live_crowd import Crowd, executable

SECONDS = 5
MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_nchan_module.so")


def bare(row):
    """The same bytes as often to as many clients by a loop of send(): CPU and time, nothing else running."""
    port = free_port()
    every = float(row["every"].removesuffix("ms"))
    frames = max(1, round(row["frames_per_delivery"]))
    # As often as Weir did, which is less than asked where it could not keep up.
    pace = max(every, row["clients"] / row["deliveries_per_s"] * 1000)
    server = subprocess.Popen(
        [executable(), "sends", str(port), str(row["clients"]), str(frames), f"{row['bytes_per_delivery']:.0f}", str(pace),
         str(SECONDS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    server.stdout.readline()
    with Crowd("127.0.0.1", port, paths=["/"]) as crowd:
        crowd.open(row["clients"])
        crowd.mark()
        server.stdin.write("go\n")
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
        read = crowd.mark()
    server.wait(10)
    answer["us_per_delivery"] = answer["cpu_s"] / max(1, answer["sends"]) * 1e6
    answer["deliveries_per_s"] = answer["sends"] / answer["seconds"]
    answer["crowd_cores"] = read["cpu_s"] / read["seconds"]
    answer["ratio"] = row["us_per_delivery"] / answer["us_per_delivery"]
    return answer


class Nchan:
    """nginx with Debian's nchan: four channels, whose subscribers get what is posted to them."""

    @classmethod
    def start(cls, stack, say):
        if not MODULE.exists() or not shutil.which("nginx"):
            say("without nchan (apt install nginx libnginx-mod-nchan)")
            return None
        return stack.enter_context(contextlib.closing(cls()))

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-nchan-")
        self.port = free_port()
        path = pathlib.Path(self.folder.name)
        (path / "nginx.conf").write_text(f"""
load_module {MODULE};
worker_processes 1; worker_rlimit_nofile 20000; daemon off; pid {path}/pid; error_log {path}/error.log;
events {{ worker_connections 15000; }}
http {{
  access_log off; client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi;
  uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi; nchan_shared_memory_size 256M; keepalive_requests 1000000;
  server {{
    listen 127.0.0.1:{self.port} backlog=1024;
    location ~ /sub/(\\d)$ {{ nchan_subscriber websocket; nchan_channel_id $1; nchan_subscriber_first_message newest; }}
    location ~ /pub/(\\d)$ {{ nchan_publisher http; nchan_channel_id $1; nchan_message_buffer_length 1; client_max_body_size 1m; }}
  }}
}}
""")
        self.process = subprocess.Popen(["nginx", "-p", str(path), "-c", str(path / "nginx.conf")])
        time.sleep(1)
        if self.process.poll() is not None:
            raise SystemExit(f"nginx did not start: {(path / 'error.log').read_text()}")

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.folder.cleanup()

    def _cpu_s(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return sum(cpu_s(int(pid)) for pid in children)

    def measure(self, row):
        """The same bytes, as one message a delivery, at the same rate."""
        clients, size = row["clients"], round(row["bytes_per_delivery"])
        pace = max(float(row["every"].removesuffix("ms")) / 1000, clients / row["deliveries_per_s"])
        body, done = b"x" * max(1, size - 4), threading.Event()

        def publish():
            connection = http.client.HTTPConnection("127.0.0.1", self.port)
            due = time.monotonic()
            while not done.is_set():
                for channel in range(4):
                    connection.request("POST", f"/pub/{channel}", body, {"Content-Type": "application/octet-stream"})
                    connection.getresponse().read()
                due = max(due + pace, time.monotonic())
                time.sleep(max(0, due - time.monotonic()))

        with Crowd("127.0.0.1", self.port, paths=[f"/sub/{channel}" for channel in range(4)]) as crowd:
            crowd.open(clients)
            publisher = threading.Thread(target=publish)
            publisher.start()
            time.sleep(1)
            crowd.mark()
            before, began = self._cpu_s(), time.monotonic()
            time.sleep(SECONDS)
            used, elapsed, read = self._cpu_s() - before, time.monotonic() - began, crowd.mark()
            done.set()
            publisher.join()
        frames = max(1, read["frames"])
        return {"us_per_delivery": used / frames * 1e6, "deliveries_per_s": read["frames"] / read["seconds"],
                "cores": used / elapsed, "crowd_cores": read["cpu_s"] / read["seconds"],
                "ratio": row["us_per_delivery"] / (used / frames * 1e6) if used else float("nan")}


def table(rows, idle):
    print("| clients | every | from 202 to frame, ms: p50 | p99 | from sending: p50 | p99 | quiet p50 | KB/s a client | deliveries/s | front, cores | "
          "crowd, cores | CPU µs a delivery | bare loop | ratio | nchan | ratio |")
    print("| ---: " * 16 + "|")
    for row in rows:
        times, nchan = row["ms"], row["nchan"]
        peer = f"{nchan['us_per_delivery']:.2f} | {row['us_per_delivery'] / nchan['us_per_delivery']:.2f}" if nchan else "- | -"
        print(f"| {row['clients']:,} | {row['every']} | {times['p50']:.1f} | {times['p99']:.1f} | {row['from_send_ms']['p50']:.1f} | "
              f"{row['from_send_ms']['p99']:.1f} | "
              f"{row['quiet_ms']['p50']:.1f} | {row['bytes_per_client_s'] / 1000:.1f} | {row['deliveries_per_s']:,.0f} | "
              f"{row['front_cores']:.2f} | {row['crowd_cores']:.2f} | {row['us_per_delivery']:.2f} | "
              f"{row['bare']['us_per_delivery']:.2f} | {row['bare']['ratio']:.2f} | {peer} |")
    print(f"\nAn idle client: {idle['silent']:,.0f} bytes; with a dashboard that does not change: {idle['subscribed']:,.0f} bytes")
