#!/usr/bin/env python3
"""Runs the Autobahn test suite's fuzzing client against the echo server; ends with 1 where a case failed.

usage: run.py ECHO PYTHON2 SITE OUTPUT [CASE …]      (./dev autobahn calls it; CASE such as 7.* or 12.1.3)
"""
import collections
import json
import pathlib
import subprocess
import sys

SECTIONS = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.*", "13.*"]
# What the suite calls a pass; INFORMATIONAL are cases where the RFC leaves the choice to the server.
GOOD = {"OK", "INFORMATIONAL"}


def main():
    echo, python, site, output, *cases = sys.argv[1:]
    folder = pathlib.Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen([echo], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = server.stdout.readline().strip()
            if not address.startswith("ws://"):
                raise SystemExit("the echo server did not start")
            specification = {
                "outdir": str(folder), "servers": [{"agent": "weir", "url": address}], "cases": cases or SECTIONS,
                "exclude-cases": [], "exclude-agent-cases": {},
            }
            (folder / "fuzzingclient.json").write_text(json.dumps(specification))
            # Its parts share names by .pth files, which only a site folder has read.
            code = f"import site; site.addsitedir({site!r}); from autobahntestsuite import wstest; wstest.run()"
            with open(folder / "wstest.log", "w", encoding="utf-8") as log:
                ended = subprocess.run(
                    [python, "-W", "ignore", "-c", code, "--mode", "fuzzingclient", "--spec", "fuzzingclient.json"],
                    cwd=folder, stdout=log, stderr=subprocess.STDOUT, check=False)
        finally:
            server.stdin.close()
    index = folder / "index.json"
    if ended.returncode != 0 or not index.exists():
        raise SystemExit(f"the test suite did not run: see {folder / 'wstest.log'}")
    return report(json.loads(index.read_text())["weir"], folder)


def report(results, folder):
    sections = collections.defaultdict(collections.Counter)
    failures = []
    for case, result in sorted(results.items(), key=lambda item: [int(part) for part in item[0].split(".")]):
        verdicts = {result["behavior"], result["behaviorClose"]}
        bad = verdicts - GOOD
        sections[int(case.split(".")[0])][sorted(bad)[0] if bad else result["behavior"]] += 1
        if bad:
            failures.append(f"{case}: {result['behavior']}, close {result['behaviorClose']}")
    for section, counts in sorted(sections.items()):
        print(f"section {section:2}: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
    print("\n".join(failures) or f"all {len(results)} cases passed")
    print(f"report: {folder / 'index.html'}")
    return 1 if failures else 0


sys.exit(main())
