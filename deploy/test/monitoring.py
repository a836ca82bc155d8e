#!/usr/bin/env python3
"""Holds deploy/prometheus and deploy/grafana against a running Weir; called by `./dev test-monitoring`.

promtool accepts configuration, rules, their tests and the metrics of all three ports; every alert has a test and a heading in the
runbook; a real Prometheus scrapes a `weir up`, answers every question of the dashboards, and fires alerts whose causes are made;
PostgreSQL answers every SQL of the dashboards as the reader that Grafana is.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

from installation import DEPLOY, ROOT, eventually, run  # which also says where weir_up is
from weir_up import WeirUp, free_port

RULES = DEPLOY / "prometheus/weir.rules.yml"
JOBS = ["weir-serve", "weir-work", "weir-generate"]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def files_are_sound():
    run("promtool", "check", "rules", RULES)
    run("promtool", "test", "rules", DEPLOY / "prometheus/weir.rules.test.yml")
    run("promtool", "check", "config", DEPLOY / "prometheus/prometheus.yml")
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text())
    tests = (DEPLOY / "prometheus/weir.rules.test.yml").read_text()
    headings = re.findall(r"^#+ (\w+)$", (ROOT / "docs/runbook.md").read_text(), re.M)
    for name in alerts:
        fires = re.search(rf"alertname: {name}\n +exp_alerts", tests)
        assert fires, f"no test lets {name} fire"
        assert re.search(rf"alertname: {name} \}}", tests) or name in tests, f"no test has {name} quiet"
        assert name in headings, f"docs/runbook.md says nothing of {name}"
        assert f"runbook.md#{name.lower()}\n" in RULES.read_text(), f"{name} names another place of the runbook"
    print(f"{len(alerts)} alerts: each has a test and a place in the runbook")


class Prometheus:
    """Debian's prometheus over our own configuration, with the addresses of this run and a shorter interval."""

    def __init__(self, addresses):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-prometheus-"))
        text = (DEPLOY / "prometheus/prometheus.yml").read_text().replace("15s", "1s")
        for service, address in addresses.items():
            text = text.replace(service, address)
        (self.folder / "prometheus.yml").write_text(text)
        (self.folder / RULES.name).write_text(RULES.read_text())
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = open(self.folder / "log", "w")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
             f"--web.listen-address=127.0.0.1:{port}"], stdout=self.log, stderr=subprocess.STDOUT)

    def ask(self, path, **parameters):
        answer = json.loads(get(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"))
        assert answer["status"] == "success", answer
        return answer["data"]

    def value(self, query):
        return self.ask("query", query=query)["result"]

    def firing(self, name):
        alerts = self.ask("alerts")["alerts"]
        return [alert for alert in alerts if alert["labels"]["alertname"] == name and alert["state"] == "firing"]

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        run("rm", "-rf", str(self.folder))


def metrics_are_clean(ports):
    for name, port in ports.items():
        text = eventually(f"{name} answers", lambda: get(f"http://127.0.0.1:{port}/metrics"))
        lint = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        assert lint.returncode == 0 and not lint.stderr, f"{name}: {lint.stderr}"
        print(f"{name}: {text.count('# TYPE')} metrics, clean")


def dashboards_of(kind):
    for path in sorted((DEPLOY / "grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            if panel["datasource"]["type"] == kind:
                yield path.stem, panel


def prometheus_answers(prometheus):
    empty = []
    count = 0
    for dashboard, panel in dashboards_of("prometheus"):
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", "1m")
            count += 1
            if not prometheus.value(expression):
                empty.append(f"{dashboard}, {panel['title']}: {expression}")
    assert not empty, "no answer to:\n" + "\n".join(empty)
    print(f"{count} questions of the dashboards are answered by Prometheus")


def postgres_answers(up):
    """The macros become what Grafana would send."""
    address = ["psql", "-X", "-qtA", "-v", "ON_ERROR_STOP=1", up.postgres]
    run(*address, "-c", "CREATE ROLE grafana LOGIN; GRANT weir_reader TO grafana")
    count = 0
    for path in sorted((DEPLOY / "grafana/dashboards").glob("*.json")):
        dashboard = json.loads(path.read_text())
        queries = [(v["name"], v["query"]) for v in dashboard["templating"]["list"]]
        for panel in dashboard["panels"]:
            queries += [(panel["title"], t["rawSql"]) for t in panel["targets"] if "rawSql" in t]
        for title, query in queries:
            query = re.sub(r"\$__timeGroup\((\w+), \$__interval\)", r"floor(extract(epoch FROM \1) / 60) * 60", query)
            query = re.sub(r"\$__timeFilter\((\w+)\)", r"\1 BETWEEN now() - interval '6 hours' AND now()", query)
            query = query.replace("$service", "SELECT labels->>'service' FROM weir.series")
            assert "$" not in query, f"{title}: a macro that Grafana would replace and we do not know: {query}"
            found = run(*address, "-c", f"SET ROLE grafana; {query}")
            if "hour" not in title:  # no hour is over yet
                assert found.strip(), f"{title}: no rows"
            count += 1
    print(f"{count} SQL statements of the dashboards are answered by PostgreSQL, as a member of weir_reader")


def main():
    files_are_sound()
    ports = {"weir-work": free_port(), "weir-generate": free_port()}
    with WeirUp("--work-listen", f"127.0.0.1:{ports['weir-work']}", "--generate-listen", f"127.0.0.1:{ports['weir-generate']}",
                "--rate", "200") as up:
        up.postgres = eventually("it says how to reach PostgreSQL", lambda: re.search(r'psql "(.*)"', up.output())).group(1)
        ports["weir-serve"] = int(up.url.rsplit(":", 1)[1])
        metrics_are_clean(ports)
        prometheus = Prometheus({"serve:8080": f"127.0.0.1:{ports['weir-serve']}", "work:8081": f"127.0.0.1:{ports['weir-work']}",
                                 "generate:8082": f"127.0.0.1:{ports['weir-generate']}", "localhost:9090": "127.0.0.1:1"})
        try:
            eventually("Prometheus scrapes all three", lambda: len(prometheus.value('up{job=~"weir-.*"} == 1')) == 3)
            print("Prometheus scrapes all three ports")
            for window in ["from=-5m&step=1s", "from=-1d&step=1h"]:
                get(f"{up.url}/api/v1/query?metric=request_count&{window}")
            # The compaction passes every minute, and the audit too.
            eventually("a pass that wrote is seen", lambda: prometheus.value("weir_compaction_rows > 0"), 200)
            eventually("an audit is seen", lambda: prometheus.value("weir_audit_balanced == 1"), 150)
            ahead = prometheus.value("weir_history_partitions_until_timestamp_seconds - time() > 86400")
            assert len(ahead) == 3, f"partitions ahead of minutes, hours and days: {ahead}"
            for _ in range(3):
                get(f"{up.url}/api/v1/query?metric=request_count&from=-1d&step=1h")
                time.sleep(1.2)
            prometheus_answers(prometheus)
            postgres_answers(up)
            for name in ["WeirEventsUncounted", "WeirStoreAway", "WeirDown", "WeirNoWorker", "WeirBooksUnbalanced"]:
                assert not prometheus.firing(name), f"{name} fires though all is well"

            redis = str(up.folder / "data/run/redis.sock")
            run("redis-cli", "-s", redis, "XADD", "weir:{0}:events", "*", "ts", "never")
            eventually("WeirEventsUncounted fires", lambda: prometheus.firing("WeirEventsUncounted"), 30)
            print("an event that cannot be counted: WeirEventsUncounted fires")

            postmaster = int(next((up.folder / "data").rglob("postmaster.pid")).read_text().splitlines()[0])
            helpers = [postmaster, *map(int, run("pgrep", "-P", str(postmaster)).split())]
            for process in helpers:
                os.kill(process, signal.SIGSTOP)
            try:
                eventually("WeirStoreAway fires", lambda: prometheus.firing("WeirStoreAway"), 120)
            finally:
                for process in helpers:
                    os.kill(process, signal.SIGCONT)
            print("PostgreSQL says nothing: WeirStoreAway fires after a minute")
            eventually("WeirStoreAway ends", lambda: not prometheus.firing("WeirStoreAway"), 60)
            print("PostgreSQL is back: it fires no more")
        finally:
            prometheus.stop()
    print("passed")


main()
