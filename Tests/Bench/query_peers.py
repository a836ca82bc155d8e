"""The same questions asked of VictoriaMetrics and of PostgreSQL in plain SQL, and the tables of `query.py`."""
import collections
import re
import statistics
import subprocess
import time

import events
from victoria import path_of


def victoria_metrics(server, options, bench):
    """The questions of `query.py`'s names, with what VictoriaMetrics was given to answer them from."""
    days = f"-{options.days}d"
    by_service = "histogram_quantile(0.99, sum(sum_over_time(response_time_bucket{%s}[1h])) by (service, vmrange))"
    services = [f"service-{number:02}" for number in range(events.SERVICES)]
    questions = {
        # What it is asked for was made beforehand: there is nothing to compute.
        "5 min, 1 s, one series": [
            server.target(f'response_time_p99{{service="{service}",endpoint="/api/v1/items/{endpoint:02}"}}', "-5m", "1s")
            for service in services for endpoint in range(events.ENDPOINTS)],
        "1 h, 10 s, count by service": [
            server.target("sum(sum_over_time(request_count[10s])) by (service)", "-1h", "10s")],
        "30 d, 1 h, p99, one service": [
            server.target(by_service % f'service="{service}"', days, "1h") for service in services],
        "30 d, 1 h, p99 by service": [server.target(by_service % "", days, "1h")],
        "30 d, 1 h, p99 by service, recorded": [server.target("service_response_time_p99", days, "1h")],
    }
    found = {}
    for name, targets in questions.items():
        cold = time.monotonic()
        series, points = server.points(targets[0])
        cold = (time.monotonic() - cold) * 1000
        file = path_of(server.folder, re.sub(r"\W+", "-", name), targets)
        before, began = server.cpu_s(), time.monotonic()
        run = bench(server.url, ["--ask", file], options, options.seconds)
        requests = max(1, run["requests"]) * (run["seconds"] + 0.5) / run["seconds"]
        run["cpu_ms"] = (server.cpu_s() - before) * 1000 / requests
        found[name] = {"closed": run, "series": series, "points": points, "first_ms": cold}
    return found


def plain_sql(postgres, options):
    """Times in ms of the same questions in SQL; PostgreSQL has nothing finer than minutes, and nothing that is not compacted."""
    service = "labels->>'service'"
    days = f"bucket >= now() - interval '{options.days} days'"
    statements = [
        ("1 h, 1 min, p99, one series",
         f"""SELECT bucket, weir.quantile(sketch, 0.99, min, max) FROM weir.minute_view WHERE metric = 'response_time'
             AND {service} = 'service-07' AND labels->>'endpoint' = '/api/v1/items/03' AND bucket >= now() - interval '1 hour'"""),
        ("1 h, 1 min, count by service",
         f"""SELECT bucket, {service}, sum(n) FROM weir.minute_view WHERE metric = 'request_count'
             AND bucket >= now() - interval '1 hour' GROUP BY 1, 2"""),
        ("30 d, 1 h, count by service",
         f"SELECT bucket, {service}, sum(n) FROM weir.hour_view WHERE metric = 'response_time' AND {days} GROUP BY 1, 2"),
        ("30 d, 1 h, p99, one service",
         f"""SELECT bucket, weir.quantile(weir.merge(sketch), 0.99, min(min), max(max)) FROM weir.hour_view
             WHERE metric = 'response_time' AND {service} = 'service-07' AND {days} GROUP BY 1"""),
    ]
    found = []
    for name, text in statements:
        times = []
        for _ in range(3):
            out = subprocess.run(["psql", "-XqAt", "-d", postgres.url, "-c", "\\timing on", "-c", text], check=True,
                                 capture_output=True, text=True).stdout
            times.append(float(re.findall(r"Time: ([\d.]+) ms", out)[-1]))
            if times[-1] > 3_000:
                break
        found.append({"name": name, "ms": min(times), "rows": out.count("\n") - 1})
    return found


def number(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def at(one, *path):
    for name in path:
        one = (one or {}).get(name)
    return one


def steps(runs):
    """The steps that answers came with, the most frequent first, with their share where there are several."""
    count = collections.Counter()
    for run in runs:
        count.update({int(step): answers for step, answers in run["steps_ms"].items()})
    return ", ".join(
        f"{step // 1000} s" + (f" ({100 * answers / count.total():.0f} %)" if len(count) > 1 else "")
        for step, answers in count.most_common()) or "–"


def table(rounds, sql, options):
    def ours(index, *path):
        return median(at(one["questions"][index], *path) for one in rounds)

    limit = median(one["limit"]["requests_per_s"] for one in rounds)
    base = {part: median(one["base_cores"][part] for one in rounds) for part in rounds[0]["base_cores"]}
    load = [one["load"] for one in rounds]
    print(f"Medians of {len(rounds)} rounds, {options.clients} clients. Events: {median(one['events_per_s'] for one in load):,.0f}/s, "
          f"{sum(one['refused_batches'] for one in load)} batches refused, at most "
          f"{max(one['most_unanswered_batches'] for one in load) / 100:.1f} s unanswered; they keep busy: "
          + ", ".join(f"{part} {100 * cores:.0f} %" for part, cores in base.items())
          + f" of a core. /healthz: {limit:,.0f} requests/s, clients {100 * median(one['limit']['client_cores'] for one in rounds):.0f} %.\n")
    print("| question | server ms, closed loop: p50 | p99 | goal | paced: p50 | p99 | round trip, closed: p50 | p99 | requests/s | of /healthz "
          "| KB | CPU ms: front | Redis | PostgreSQL | clients' cores "
          "| failed | without a store | steps |\n| --- |" + " ---: |" * 17)
    for index, question in enumerate(rounds[0]["questions"]):
        requests = ours(index, "closed", "requests_per_s")
        size = median(one["questions"][index]["closed"]["bytes"] / max(1, one["questions"][index]["closed"]["requests"]) for one in rounds)
        cells = [
            *(ours(index, "closed", "took_ms", q) for q in ("p50", "p99")), f"≤ {question['goal_ms']}",
            *(ours(index, "paced", "took_ms", q) for q in ("p50", "p99")),
            *(ours(index, "closed", "round_trip_ms", q) for q in ("p50", "p99")), requests, f"{100 * requests / limit:.1f} %",
            size / 1000, *(ours(index, "closed", "cpu_ms", part) for part in ("front", "redis", "postgres")),
            ours(index, "closed", "client_cores"),
            *(f"{sum(one['questions'][index][way][what] for one in rounds for way in ('closed', 'paced'))}" for what in ("failed", "degraded")),
            steps(one["questions"][index][way] for one in rounds for way in ("closed", "paced"))]
        print(f"| {question['name']} | " + " | ".join(cell if isinstance(cell, str) else number(cell) for cell in cells) + " |")
    cold = [one["cold"] for one in rounds]
    ones, trips = [sorted(sum((each[name] for each in cold), [])) for name in ("one", "one_round_trip")]
    alls, all_trips = [sorted(sum((each[name] for each in cold), [])) for name in ("all", "all_round_trip")]
    print(f"\nCold, one client, goal ≤ 50 ms: {options.days} d of one service, server ms p50 {number(ones[len(ones) // 2])}, p99 "
          f"{number(ones[int(0.99 * (len(ones) - 1))])}, round trip p50 {number(trips[len(trips) // 2])}; by service "
          f"p50 {number(median(alls))}, longest {number(alls[-1])} of {len(alls)} (round trip {number(median(all_trips))}; "
          f"{cold[0]['points']:,} points, {cold[0]['bytes'] / 1000:,.0f} KB).")
    runs = [one["dashboard"] for one in rounds]
    print(f"\nDashboard mix, closed loop: hit rate {100 * median(run['without_postgres'] for run in runs):.1f} % (goal ≥ 95 %), "
          f"{number(median(run['requests_per_s'] for run in runs))} requests/s, server ms "
          + ", ".join(f"{q} {number(median(run['took_ms'][q] for run in runs))}" for q in ("p50", "p90", "p99"))
          + "; p50 by range: " + ", ".join(
              f"{question['name']} {number(median(at(run['questions'][index], 'took_ms', 'p50') for run in runs))}"
              for index, question in enumerate(runs[0]["questions"])) + "; steps: " + ", ".join(
              f"{question['name']} {steps(run['questions'][index] for run in runs)}"
              for index, question in enumerate(runs[0]["questions"])) + f"; without a store: {sum(run['degraded'] for run in runs)}")
    if "peer" in rounds[0]:
        print("\n| question | Weir: requests/s | round trip p50 | p99 | CPU ms | VictoriaMetrics: requests/s | p50 | p99 | CPU ms | first ms "
              "| points | Weir is faster |\n| --- |" + " ---: |" * 11)
        names = {question["name"]: index for index, question in enumerate(rounds[0]["questions"])}
        for name in rounds[0]["peer"]:
            peer = [one["peer"][name] for one in rounds]
            index = names.get(name.removesuffix(", recorded"))
            mine = [ours(index, "closed", "requests_per_s"), *(ours(index, "closed", "round_trip_ms", q) for q in ("p50", "p99")),
                    sum(ours(index, "closed", "cpu_ms", part) for part in ("front", "redis", "postgres"))]
            its = [median(one["closed"]["requests_per_s"] for one in peer),
                   *(median(at(one["closed"], "round_trip_ms", q) for one in peer) for q in ("p50", "p99")),
                   median(one["closed"]["cpu_ms"] for one in peer), median(one["first_ms"] for one in peer)]
            print(f"| {name} | " + " | ".join(map(number, mine + its)) + f" | {peer[0]['points']:,} | {number(mine[0] / its[0])} x |")
    print("\n| in plain SQL | ms | rows |\n| --- | ---: | ---: |")
    for one in sql:
        print(f"| {one['name']} | {number(one['ms'])} | {one['rows']:,} |")
