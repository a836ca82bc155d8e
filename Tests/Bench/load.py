"""Events at a steady rate, from a process of their own: a batch every 10 ms over one connection, answers not awaited."""
import multiprocessing
import random
import re
import resource
import socket
import time

TICK = 0.01
PATIENCE = 60  # seconds that a front may be busy with something else; what it costs shows in the unanswered batches
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
SERVICES = ("cart", "checkout", "search", "catalog", "account")
ENDPOINTS = ("/", "/pay", "/items", "/items/:id", "/login", "/basket", "/search", "/health")


def request(host, port, body, token=None):
    """The bytes of an ingest request."""
    lines = [
        "POST /api/v1/events HTTP/1.1", f"Host: {host}:{port}", "Content-Type: application/x-ndjson",
        f"Content-Length: {len(body)}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def bodies(events, count=50):
    """Different batches, made before the measurement."""
    rng = random.Random(1)
    for _ in range(count):
        yield "".join(
            '{"service":"%s","endpoint":"%s","status":%d,"duration_ms":%.3f,"user":"u%d"}\n' % (
                rng.choice(SERVICES), rng.choice(ENDPOINTS), 500 if rng.random() < 0.02 else 200,
                rng.lognormvariate(3, 0.7), rng.randrange(500))
            for _ in range(events)).encode()


def drive(host, port, token, rate, made, stop, result):
    per_tick = max(1, round(rate * TICK))
    interval = per_tick / rate
    batches = [request(host, port, body, token) for body in made or bodies(per_tick)]
    connection = socket.create_connection((host, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    start = time.monotonic()
    sent = accepted = refused = worst = 0
    rest = b""
    while not stop.is_set() or sent > accepted + refused:
        due = start + sent * interval
        wait = due - time.monotonic()
        connection.settimeout(PATIENCE)
        if not stop.is_set():
            if wait > 0:
                time.sleep(wait)
            connection.sendall(batches[sent % len(batches)])
            sent += 1
            connection.setblocking(False)
        try:
            answers = rest + connection.recv(1 << 16)
        except BlockingIOError:
            continue
        heads = list(STATUS.finditer(answers))
        accepted += sum(head[1] == b"202" for head in heads)
        refused += sum(head[1] != b"202" for head in heads)
        rest = answers[heads[-1].end():] if heads else answers
        worst = max(worst, sent - accepted - refused)
    elapsed = time.monotonic() - start
    usage = resource.getrusage(resource.RUSAGE_SELF)
    result.send({
        "events_per_s": sent * per_tick / elapsed, "refused_batches": refused, "most_unanswered_batches": worst,
        "cpu_percent": 100 * (usage.ru_utime + usage.ru_stime) / elapsed})


class Load:
    def __init__(self, host, port, token, rate, made=None):
        """`made` are the batches to send, each of what is due in a TICK; else some are made up."""
        self.arguments = (host, port, token, rate, made)

    def __enter__(self):
        context = multiprocessing.get_context("spawn")  # nothing of ours is shared with it
        self.stop = context.Event()
        self.result, ours = context.Pipe(duplex=False)
        self.process = context.Process(target=drive, args=(*self.arguments, self.stop, ours))
        self.process.start()
        ours.close()
        return self

    def finish(self):
        """Stops it and says what it did."""
        self.stop.set()
        if not self.result.poll(10):
            raise SystemExit("the load ended without a report")
        return self.result.recv()

    def __exit__(self, *_):
        self.stop.set()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
