#!/usr/bin/env python3
"""Shows how PostgreSQL reads history, and what rewriting closed partitions in the order of their series brings.

    plans.py [--days 30] [--every 10] [--plans] [--keep-order]

A throwaway redis-server and PostgreSQL; `weir migrate`, and a few events through `weir work` and `weir compact`, so that both know
each other. Then `--days` days of 1,000 series, a minute in `--every`, are written in the order in which passes write them, with
their hours and days; of the metrics that the examples of sql/README.md ask for. Each statement of the fronts and each of these
examples is run with EXPLAIN (ANALYZE, BUFFERS), the second time counts: which partitions it reads, and how. Then `weir compact` is
run until all closed partitions are rewritten (not with --keep-order), and all is asked again.

--plans prints the plans themselves, too. Reads of a partition that is not asked for, or not by an index where one series is, end it
with status 1.
"""
import argparse
import collections
import contextlib
import json
import re
import subprocess
import sys
import threading
import time

import drain
from compact import Postgres, weir
from events import EVENTS

SERIES = 1000
RANGE = "integer[], timestamptz, timestamptz, timestamptz[], integer[]"


def pair(redis, postgres):
    """Weir's own first rows: a partition of the stream with a cursor, and a sketch of some 70 bytes to copy."""
    drain.load_functions(redis)
    weir("migrate", "--postgres-url", postgres.url)
    minute = (int(time.time()) // 60 - 3) * 60_000
    for number in range(60):
        redis.call("XADD", EVENTS, "*", "ts", str(minute + number), "service", "a", "endpoint", "/", "status", "200",
                   "duration_ms", f"{1.07 ** number:.3f}")
    with drain.Worker(redis, "three") as worker:
        last = drain.last_entry(redis)
        while drain.cursor(redis) != last:
            worker.check()
            time.sleep(0.02)
    compact(redis, postgres)


def compact(redis, postgres):
    weir("compact", "--redis-url", f"unix://{redis.path}", "--postgres-url", postgres.url, "--keep-minutes", "100d")


def fill(postgres, days, every):
    """Minutes as passes write them, all series of one after the other; hours and days of them."""
    postgres.sql(
        f"""INSERT INTO weir.series (metric, labels)
            SELECT CASE WHEN i < 400 THEN 'requests' WHEN i < 500 THEN 'errors' WHEN i < 700 THEN 'response_bytes'
                ELSE 'response_ms' END,
                jsonb_build_object('status', (200 + i % 10)::text, 'service', 's' || i % 20, 'path', '/' || i)
            FROM generate_series(0, {SERIES - 1}) AS i""",
        f"""SELECT weir.add_partition(resolution, current_date - ago) FROM generate_series(0, {days}) AS ago,
            unnest('{{minute,hour,day}}'::text[]) AS resolution""")
    columns = "n, hits, sum, min, max, sketch, series_id, partition"
    known = "WITH known AS MATERIALIZED (SELECT sketch AS one FROM weir.minute WHERE n > 1 AND sketch IS NOT NULL LIMIT 1)"
    for ago in range(days, 0, -1):
        postgres.sql(
            "SET TimeZone = 'UTC'",
            f"""{known}
                INSERT INTO weir.minute (bucket, generation, version, {columns})
                SELECT current_date - {ago} + minute * interval '1 minute', 1 << 20, 1 << 20, 60,
                    CASE metric WHEN 'errors' THEN 3 END, CASE WHEN metric LIKE 'response%' THEN 1000 END,
                    CASE WHEN metric LIKE 'response%' THEN 1 END, CASE WHEN metric LIKE 'response%' THEN 60 END,
                    CASE WHEN metric LIKE 'response%' THEN one END, series_id, 0
                FROM generate_series(0, 1439, {every}) AS minute, weir.series, known
                WHERE labels ? 'path' ORDER BY minute, series_id""")
    for table, source, length in (("hour", "minute", "1 hour"), ("day", "hour", "1 day")):
        postgres.sql(
            f"""{known} INSERT INTO weir.{table} (bucket, part, {columns})
                SELECT date_bin('{length}', bucket, '2000-01-01Z') AS at, 0, sum(n), sum(hits), sum(sum), min(min), max(max),
                    CASE WHEN count(sketch) > 0 THEN (SELECT one FROM known) END, series_id, partition
                FROM weir.{source} JOIN weir.series USING (series_id) WHERE labels ? 'path'
                GROUP BY at, series_id, partition ORDER BY at, series_id""")
    postgres.sql("SET TimeZone = 'UTC'",
                 "UPDATE weir.partition_cursor SET hours_until = current_date, days_until = current_date",
                 "VACUUM ANALYZE weir.minute", "VACUUM ANALYZE weir.hour", "VACUUM ANALYZE weir.day", "VACUUM ANALYZE weir.series")


def questions(postgres, days):
    """Name, statement, and whether it asks for so few series that only an index will do."""
    def prepared(file, types, values):
        text = (drain.ROOT / f"sql/queries/{file}.sql").read_text()
        return f"PREPARE asked ({types}) AS {text}; {{explain}} EXECUTE asked ({values})"

    ids = "{" + postgres.sql("SELECT string_agg(id::text, ',') FROM (SELECT min(series_id) AS id FROM weir.series "
                             "WHERE labels ? 'path' GROUP BY metric) AS few") + "}"
    one = ids.split(",")[0] + "}"
    midnight = "date_trunc('day', now(), 'UTC')"

    def asked(series, first, rest=""):
        return f"'{series}', {midnight} - interval '{first}', {midnight}, ARRAY[{midnight}], '{{0}}'{rest}"

    hundred = ",".join(map(str, range(100, 200)))
    yield f"history.minute_rows: one series, {days} days", prepared(
        "history.minute_rows", RANGE, asked(one, f"{days} days")), True
    yield "history.minute_rows: 4 series, 6 hours", prepared("history.minute_rows", RANGE, asked(ids, "6 hours")), True
    yield f"history.hour_rows: 4 series, {days} days", prepared(
        "history.hour_rows", RANGE + ", timestamptz", asked(ids, f"{days} days", f", {midnight}")), True
    yield f"history.day_rows: 4 series, {days} days", prepared(
        "history.day_rows", RANGE + ", timestamptz", asked(ids, f"{days} days", f", {midnight}")), True
    yield "history.audit_hours: a day", prepared(
        "history.audit_hours", "timestamptz, timestamptz", f"{midnight} - interval '1 day', {midnight}"), True
    yield "rollup.minutes: 100 series, an hour", prepared(
        "rollup.minutes", "smallint, integer[], timestamptz, timestamptz",
        f"0::smallint, \'{{{hundred}}}\', {midnight} - interval '1 hour', {midnight}"), True
    for block in re.findall(r"```sql\n(.*?)```", (drain.ROOT / "sql/README.md").read_text(), re.S):
        view = re.search(r"weir\.\w+_(minute|hour|day|view)\b", block)
        if view and block.lstrip().startswith(("SELECT", "WITH")) and "dropped" not in block:
            title = re.search(r"metric = '(\w+)'", block).group(1)
            span = re.search(r"interval '([^']+)'|BETWEEN", block).group(1) or "6 hours"
            yield f"sql/README.md: {view.group(0)}, {title}, {span}", "{explain} " + block.strip().rstrip(";"), False


def run(postgres, statement):
    explain = "EXPLAIN (ANALYZE, BUFFERS, FORMAT json)"
    text = postgres.sql(*[part for _ in range(2) for part in (
        "DEALLOCATE ALL", statement.replace("{explain}", explain))])
    return json.loads(text[text.rindex("\n[") + 1:])[0]


def scans(plan):
    """The partitions that were read, by (resolution, kind of scan); what is pruned as it runs has no loops."""
    found = collections.defaultdict(set)

    def walk(node):
        table = node.get("Relation Name", "")
        match = re.match(r"(minute|hour|day)_\d", table)
        if match and node["Actual Loops"]:
            found[match.group(1), node["Node Type"]].add(table)
        for child in node.get("Plans", ()):
            walk(child)
    walk(plan["Plan"])
    return found


def measure(postgres, options):
    lines, wrong = {}, []
    for name, statement, needs_index in questions(postgres, options.days):
        plan = run(postgres, statement)
        if options.plans:
            print(f"\n-- {name}\n{json.dumps(plan['Plan'], indent=1)}")
        read = scans(plan)
        if needs_index and any("Seq" in kind for _, kind in read):
            wrong.append(f"{name}: {dict(read)}")
        how = "; ".join(f"{len(tables)} of {resolution}, {kind}" for (resolution, kind), tables in sorted(read.items()))
        top = plan["Plan"]
        lines[name] = (how or "nothing", top["Actual Rows"], top["Shared Hit Blocks"] + top["Shared Read Blocks"],
                       plan["Planning Time"], plan["Execution Time"])
    return lines, wrong


@contextlib.contextmanager
def reader(postgres):
    """Asks for an hour of a series all the time meanwhile; gives a list of how long each answer took, in ms, once it is over."""
    waits = []
    process = subprocess.Popen(["psql", "-XqAt", "-d", postgres.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write("\\timing on\nSELECT count(*) FROM weir.minute WHERE series_id = 100 AND bucket >= now() - interval '1 day' "
                        "AND bucket < now() - interval '23 hours' \\watch 0.005\n")
    process.stdin.close()
    lines = []
    thread = threading.Thread(target=lambda: lines.extend(process.stdout))
    thread.start()
    yield waits
    process.terminate()
    thread.join()
    waits += sorted(float(line.split()[1]) for line in lines if line.startswith("Time:"))


def sizes(postgres):
    return {kind: tuple(map(float, line.split("|"))) for kind, line in ((row.split("|", 1)) for row in postgres.sql(
        """SELECT parent.relname, sum(pg_relation_size(child.oid)), sum(pg_indexes_size(child.oid)),
               sum(greatest(child.reltuples, 0))
           FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid JOIN pg_class AS parent ON parent.oid = inhparent
           WHERE parent.relname IN ('minute', 'hour', 'day') AND child.relkind = 'r' GROUP BY 1""").splitlines())}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--every", type=int, default=10, help="a minute in so many has rows")
    parser.add_argument("--plans", action="store_true", help="print the plans, as JSON")
    parser.add_argument("--keep-order", action="store_true", help="do not rewrite partitions")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(drain.redis_server("everysec"))
        postgres = stack.enter_context(contextlib.closing(Postgres()))
        pair(redis, postgres)
        began = time.monotonic()
        fill(postgres, options.days, options.every)
        rows = int(postgres.sql("SELECT count(*) FROM weir.minute"))
        print(f"{rows:,} minutes of {SERIES:,} series, {options.days} days, written in {time.monotonic() - began:.0f} s\n")
        before, wrong = measure(postgres, options)
        size = sizes(postgres)
        after = {}
        if not options.keep_order:
            done = -1
            with reader(postgres) as waits:
                while done != (done := int(postgres.sql("SELECT count(*) FROM weir.rewritten_partition"))):
                    compact(redis, postgres)
            print(f"{len(waits):,} questions of another reader meanwhile: p50 {waits[len(waits) // 2]:.1f}, "
                  f"p99.9 {waits[len(waits) * 999 // 1000]:.1f}, longest {waits[-1]:.1f} ms")
            print(postgres.sql(
                "SELECT format('%s partitions rewritten, %s rows; %s s a million rows, %s MB before, %s MB after', count(*), "
                "sum(rows_written), round((sum(seconds) / sum(rows_written) * 1e6)::numeric, 1), round(sum(bytes_before) / 1e6), "
                "round(sum(bytes_after) / 1e6)) FROM weir.rewritten_partition WHERE problem IS NULL"), "\n")
            after, more = measure(postgres, options)
            wrong += more
        print("| asked | partitions read | rows | planning ms | pages | ms | rewritten: pages | ms |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for name, (how, count, pages, planning, ms) in before.items():
            later = f" {after[name][2]:,} | {after[name][4]:,.1f} |" if after else " | |"
            print(f"| {name} | {how} | {count:,} | {planning:,.1f} | {pages:,} | {ms:,.1f} |{later}")
        print("\n| table | rows | table B a row | index B a row | rewritten: table | index |\n| --- | ---: | ---: | ---: | ---: | ---: |")
        later = sizes(postgres)
        for table in ("minute", "hour", "day"):
            heap, index, count = size[table]
            new_heap, new_index, _ = later[table]
            print(f"| {table} | {count:,.0f} | {heap / count:.1f} | {index / count:.1f} | {new_heap / count:.1f} | {new_index / count:.1f} |")
        if wrong:
            sys.exit("read without an index:\n" + "\n".join(wrong))


if __name__ == "__main__":
    main()
