"""What the measurement of queries asks about: the same 30 days of 1,000 label sets in Weir and in VictoriaMetrics.

The last 75 minutes come as events: on the stream, through a worker, the older ones through `weir compact`. What lies before is
written as passes write it, from aggregates that a pass did write: an hour of a series is that of some series in the hour that was
compacted, another one for each hour (place + 37 * hour, modulo the number of series), and likewise its minutes.
"""
import collections
import random
import subprocess
import threading
import time

import drain
import events
import victoria
from compact import weir

PER_ENTRY = 50
PER_TICK = 100            # events in a request of the load
OLD_PER_S, NEW_PER_S = 200, 1_000
NEW_S = 6 * 60            # so long before now, events come at NEW_PER_S
SETS = events.SERVICES * events.ENDPOINTS
DAYS = 30
METRICS = ("request_count", "error_rate", "response_time")
TURN = 37                 # has no divisor in common with SETS, so every series comes up for every other


def labels(place):
    return {"service": f"service-{place // events.ENDPOINTS:02}", "endpoint": f"/api/v1/items/{place % events.ENDPOINTS:02}"}


def place_of(event):
    fields = dict(event.fields)
    return int(fields["service"][-2:]) * events.ENDPOINTS + int(fields["endpoint"][-2:])


class Recent:
    """Events of two spans, and what they are by the second, for VictoriaMetrics."""

    def __init__(self, rng, rounds=60):
        made = list(events.shuffled_rounds(rng, rounds))
        self.entries = [made[first:first + PER_ENTRY] for first in range(0, len(made), PER_ENTRY)]
        self.texts = [b"".join(event.line() for event in entry) for entry in self.entries]
        self.points = [[(place_of(event), float(dict(event.fields)["duration_ms"])) for event in entry] for entry in self.entries]
        self.seconds = [collections.defaultdict(list) for _ in range(SETS)]
        self.bodies = [b"".join(event.line() for event in made[first:first + PER_TICK]) for first in range(0, len(made), PER_TICK)]
        # A second of the load: 10,000 events, ten of each label set.
        self.live = [collections.defaultdict(list) for _ in range(len(made) // 10_000)]
        for number, event in enumerate(made):
            self.live[number // 10_000][place_of(event)].append(float(dict(event.fields)["duration_ms"]))

    def fill(self, redis, end_ms, seconds, rate):
        count = int(seconds * rate)
        sent = events.fill_packed(redis, self.texts, PER_ENTRY, count, end_ms, rate)
        start = end_ms - sent * 1000 / rate
        for entry in range(sent // PER_ENTRY):
            second = int(start + entry * PER_ENTRY * 1000 / rate) // 1000
            for place, value in self.points[entry % len(self.points)]:
                self.seconds[place][second].append(value)
        return sent

    def lines(self):
        """Counts and p99s of every second that had events."""
        for place, seconds in enumerate(self.seconds):
            yield from self.of_place(place, seconds)

    def live_lines(self, second):
        values = self.live[second % len(self.live)]
        for place in range(SETS):
            yield from self.of_place(place, {second: values[place]})

    @staticmethod
    def of_place(place, seconds):
        times = ",".join(f"{second}000" for second in seconds)
        yield victoria.line("request_count", labels(place), times, ",".join(str(len(values)) for values in seconds.values()))
        yield victoria.line("response_time_p99", labels(place), times, ",".join(f"{p99(values):.6g}" for values in seconds.values()))


def p99(values):
    """Of rank 0.99 * (n - 1), rounded down, as Weir answers."""
    return sorted(values)[int(0.99 * (len(values) - 1))]


def applied(redis):
    with drain.Worker(redis, "five") as worker:
        last = drain.last_entry(redis)
        while drain.cursor(redis) != last:
            worker.check()
            time.sleep(0.02)
    redis.call("XTRIM", events.EVENTS, "MAXLEN", "0")


def pool(postgres):
    """Tables bench.hour and bench.minute: for each metric and place the aggregate of a compacted hour and minute."""
    postgres.sql(
        "CREATE SCHEMA bench",
        f"""CREATE TABLE bench.series AS SELECT series_id, metric,
                right(labels->>'service', 2)::integer * {events.ENDPOINTS} + right(labels->>'endpoint', 2)::integer AS place
            FROM weir.series WHERE metric IN {METRICS}""",
        """CREATE TABLE bench.hour AS SELECT metric, place, sum(n) AS n, sum(hits) AS hits, sum(sum) AS sum, min(min) AS min,
                max(max) AS max, weir.merge(sketch) AS sketch
            FROM weir.minute JOIN bench.series USING (series_id)
            WHERE bucket >= (SELECT max(bucket) FROM weir.minute) - interval '1 hour' GROUP BY 1, 2""",
        """CREATE TABLE bench.minute AS SELECT DISTINCT ON (metric, place) metric, place, n, hits, sum, min, max, sketch
            FROM weir.minute JOIN bench.series USING (series_id) ORDER BY metric, place, bucket""",
        "CREATE UNIQUE INDEX ON bench.hour (metric, place)", "CREATE UNIQUE INDEX ON bench.minute (metric, place)",
        "ANALYZE bench.hour", "ANALYZE bench.minute", "ANALYZE bench.series")


def first_hour(postgres):
    """The hours before this one (s since 1970) are made up."""
    return int(postgres.sql("SELECT extract(epoch FROM date_trunc('hour', min(bucket), 'UTC'))::bigint FROM weir.minute"))


def history(postgres, before, days):
    """Hours and minutes before `before`, series after series in each, as passes write them.

    Hours of response_time for all days, of the others for eight; minutes for six hours, and every fifth for 24, since that is
    what the questions of a dashboard merge."""
    postgres.sql(f"SELECT weir.add_partition(resolution, (to_timestamp({before}) AT TIME ZONE 'UTC')::date - ago) "
                 f"FROM generate_series(0, {days + 1}) AS ago, unnest('{{minute,hour}}'::text[]) AS resolution")
    values = "n, hits, sum, min, max, sketch"
    hours = f"""INSERT INTO weir.hour (bucket, part, partition, series_id, {values})
        SELECT to_timestamp({before} - 3600 * ago), 0, 0, series_id, {values}
        FROM generate_series({days * 24}, 1, -1) AS ago, bench.series JOIN bench.hour USING (metric)
        WHERE hour.place = (series.place + {TURN} * ago) % {SETS} AND (metric = 'response_time' OR ago <= 192)
        ORDER BY ago DESC, series_id"""
    minutes = f"""INSERT INTO weir.minute (bucket, generation, version, partition, series_id, {values})
        SELECT to_timestamp({before} - 60 * ago), 1 << 20, 1 << 20, 0, series_id, {values}
        FROM generate_series(1440, 1, -1) AS ago, bench.series JOIN bench.minute USING (metric)
        WHERE minute.place = (series.place + {TURN} * ago) % {SETS} AND (ago <= 360 OR ago % 5 = 0)
        ORDER BY ago DESC, series_id"""
    begin = "SET synchronous_commit = off"
    writers = [threading.Thread(target=postgres.sql, args=(begin, text)) for text in (hours, minutes)]
    for writer in writers:
        writer.start()
    return writers


def bins(postgres):
    """Of each place, its values in a compacted hour by VictoriaMetrics' buckets: {vmrange: [count by place]}."""
    found = collections.defaultdict(lambda: [0] * SETS)
    rows = postgres.sql("SELECT place, value, bins.n FROM bench.hour, weir.sketch_bins(sketch) AS bins "
                        "WHERE metric = 'response_time'")
    for row in rows.splitlines():
        place, value, count = row.split("|")
        found[victoria.vmrange(float(value))][int(place)] += int(count)
    return found


def hour_lines(buckets, before, days):
    """The same hours for VictoriaMetrics: of each series its buckets (how many in the hour); and the p99s by service, as a recording
    rule would have left them."""
    hours = range(days * 24, 0, -1)
    stamps = [f"{before - 3600 * ago}000" for ago in hours]
    times = ",".join(stamps)
    for name, counts in buckets.items():
        turned = [str(counts[TURN * step % SETS]) for step in range(SETS)] * 2
        # place + TURN * ago = TURN * (step + ago): neighbours in `turned`, the latest hour first.
        for step in range(SETS):
            values = turned[step + 1:step + 1 + len(hours)][::-1]
            full = [place for place, value in enumerate(values) if value != "0"]
            if len(full) == len(values):
                yield victoria.line("response_time_bucket", {**labels(TURN * step % SETS), "vmrange": name}, times, ",".join(values))
            elif full:
                yield victoria.line("response_time_bucket", {**labels(TURN * step % SETS), "vmrange": name},
                                    ",".join(stamps[place] for place in full), ",".join(values[place] for place in full))
    # A service has so many neighbouring places, so its hours begin at one of SETS places.
    ordered = sorted(buckets, key=lambda name: float(name.split("...")[0]))
    p99s = []
    for first in range(SETS):
        counts = [sum((buckets[name] * 2)[first:first + events.ENDPOINTS]) for name in ordered]
        left = int(0.99 * (sum(counts) - 1))
        for name, count in zip(ordered, counts):
            left -= count
            if left < 0:
                break
        p99s.append(name.split("...")[1])
    for service in range(events.SERVICES):
        values = (p99s[(service * events.ENDPOINTS + TURN * ago) % SETS] for ago in hours)
        yield victoria.line("service_response_time_p99", {"service": f"service-{service:02}"}, times, ",".join(values))


def load_all(redis, postgres, server, options, say):
    """Fills all; gives the events, of which the load sends more."""
    recent = Recent(random.Random(options.seed))
    drain.load_functions(redis)
    weir("migrate", "--postgres-url", postgres.url)
    now_ms = int(time.time()) * 1000
    sent = recent.fill(redis, now_ms - NEW_S * 1000, 75 * 60 - NEW_S, OLD_PER_S)
    applied(redis)
    say(f"{sent:,} events of {SETS:,} label sets applied")
    weir("compact", "--redis-url", f"unix://{redis.path}", "--postgres-url", postgres.url)
    pool(postgres)
    before = first_hour(postgres)
    say("compacted; writing history")
    writers = history(postgres, before, options.days)
    if server:
        server.load(hour_lines(bins(postgres), before, options.days))
        say(f"{server.samples:,} samples of history in VictoriaMetrics")
    for writer in writers:
        writer.join()
    # Written by hand, and not yet in what passes make of hours.
    postgres.sql("TRUNCATE weir.label_rollup, weir.label_rollup_done")
    began = time.monotonic()
    while not postgres.sql("SELECT 1 FROM weir.label_rollup_done WHERE bucket <= (SELECT min(bucket) FROM weir.hour) LIMIT 1"):
        weir("compact", "--redis-url", f"unix://{redis.path}", "--postgres-url", postgres.url)
    say(f"rolled up by labels in {time.monotonic() - began:.0f} s")
    subprocess.run(["psql", "-Xq", "-d", postgres.url, "-c", "VACUUM ANALYZE weir.hour", "-c", "VACUUM ANALYZE weir.minute", "-c",
                    "VACUUM ANALYZE weir.series"], check=True)
    say(postgres.sql("SELECT format('%s hours and %s minutes in PostgreSQL', (SELECT count(*) FROM weir.hour), "
                     "(SELECT count(*) FROM weir.minute))"))
    sent = recent.fill(redis, int(time.time()) * 1000, NEW_S, NEW_PER_S)
    applied(redis)
    say(f"{sent:,} events of the last {NEW_S // 60} minutes applied")
    if server:
        server.load(recent.lines())
        say(f"{server.samples:,} samples in VictoriaMetrics")
    return recent
