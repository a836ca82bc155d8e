"""Log events for the measurements of the worker, and how they get onto a partition's stream: prebuilt, seeded, fast."""
import random
import sys

SERVICES, ENDPOINTS, USERS = 50, 20, 200
EVENTS = "weir:{0}:events"
CURSOR = "weir:{0}:cursor"

METRICS = {
    "request_count": '{ name: "request_count", kind: "counter", by: ["service", "endpoint"] }',
    "error_rate": '{ name: "error_rate", kind: "ratio", match: "status >= 500", by: ["service", "endpoint"] }',
    "response_time": '{ name: "response_time", kind: "distribution", value: "duration_ms", unit: "ms", '
                     'by: ["service", "endpoint"] }',
    "active_users": '{ name: "active_users", kind: "unique", value: "user", by: ["service"] }',
    "top_endpoints": '{ name: "top_endpoints", kind: "top", value: "endpoint", by: ["service"], keep: 1000 }',
}
CHOICES = {"five": list(METRICS), "three": list(METRICS)[:3]}


def configuration(metrics):
    """The configuration file for "five", the default metrics, or "three", those without unique and top."""
    return "{ metrics: [\n" + "".join(f"  {METRICS[name]},\n" for name in CHOICES[metrics]) + "] }\n"


class Event:
    """One event without a time: the time of receipt counts."""

    def __init__(self, rng, service, endpoint):
        user = service * USERS + rng.randrange(USERS)
        roll = rng.random()
        status = 200 if roll < 0.93 else 404 if roll < 0.98 else 500 if roll < 0.99 else 503
        # A long tail: one in a hundred is slower by another factor of up to a hundred.
        duration = rng.lognormvariate(3, 0.7) * (1 if rng.random() < 0.99 else rng.uniform(1, 100))
        self.fields = (
            ("service", f"service-{service:02}"), ("endpoint", f"/api/v1/items/{endpoint:02}"), ("status", str(status)),
            ("duration_ms", f"{duration:.3f}"), ("user", f"u{user}"), ("level", "info" if status < 500 else "error"))

    def line(self):
        numbers = ("status", "duration_ms")
        members = (f'"{name}":{value}' if name in numbers else f'"{name}":"{value}"' for name, value in self.fields)
        return ("{" + ",".join(members) + "}\n").encode()

    def arguments(self):
        """The fields of a plain entry, as a client sends them."""
        return b"".join(bulk(part) for field in self.fields for part in field)


def bulk(text):
    data = text.encode() if isinstance(text, str) else text
    return b"$%d\r\n%b\r\n" % (len(data), data)


def shuffled_rounds(rng, rounds):
    """Every label set once a round, in random order: so many events a second reach so many label sets."""
    sets = [(service, endpoint) for service in range(SERVICES) for endpoint in range(ENDPOINTS)]
    for _ in range(rounds):
        rng.shuffle(sets)
        for service, endpoint in sets:
            yield Event(rng, service, endpoint)


def packed(rng, per_entry, rounds):
    """Texts of entries: `per_entry` events each, as a front packs them."""
    lines = [event.line() for event in shuffled_rounds(rng, rounds)]
    return [b"".join(lines[first:first + per_entry]) for first in range(0, len(lines) - per_entry + 1, per_entry)]


def fill_packed(redis, texts, per_entry, events, end_ms, rate):
    """Appends entries by weir_append, received evenly up to `end_ms`; returns how many events these are."""
    count = max(1, events // per_entry)
    start = end_ms - count * per_entry * 1000 / rate
    calls, args = [], []
    head = b"".join(map(bulk, ("FCALL", "weir_append", "2", CURSOR, EVENTS, "3600000")))
    bodies = [bulk("") + bulk("1") + bulk(str(per_entry)) + bulk(text) for text in texts]
    for entry in range(count):
        received = b"%d" % (start + entry * per_entry * 1000 / rate)
        # A group of a front: no key and so no fingerprint, received, no answer, one entry.
        args.append(b"$1\r\n0\r\n$0\r\n\r\n" + bulk(received) + bodies[entry % len(bodies)])
        if len(args) == 200 or entry == count - 1:
            calls.append(b"*%d\r\n" % (6 + 7 * len(args)) + head + b"".join(args))
            args = []
    redis.blast(calls)
    found = redis.call("XLEN", EVENTS)
    if found != count:
        sys.exit(f"the stream has {found} entries instead of {count}")
    return count * per_entry


def fill_plain(redis, pieces, events, end_ms, rate):
    """Appends single events by XADD under ids spread evenly up to `end_ms`."""
    start = end_ms - events * 1000 / rate
    fields = len(Event(random.Random(0), 0, 0).fields)
    head = b"*%d\r\n" % (3 + 2 * fields) + bulk("XADD") + bulk(EVENTS)
    calls, parts, sequence, last = [], [], 0, 0
    for event in range(events):
        ms = int(start + event * 1000 / rate)
        sequence = sequence + 1 if ms == last else 0
        last = ms
        parts.append(head + bulk(b"%d-%d" % (ms, sequence)) + pieces[event % len(pieces)])
        if len(parts) == 500 or event == events - 1:
            calls.append(b"".join(parts))
            parts = []
    redis.blast(calls)
    found = redis.call("XLEN", EVENTS)
    if found != events:
        sys.exit(f"the stream has {found} entries instead of {events}")
    return events
