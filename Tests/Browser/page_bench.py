#!/usr/bin/python3
"""Measures the whole dashboard in headless Chromium with simulated updates: docs/charts.md says what came out.

    page_bench.py [--seconds 60] [--charts 24] [--updates 36000]

The page's own files, with a simulated server in the page (page_bench.js): N gauges of 10 series, five minutes of seconds each,
every one of which changes 10 times a second, all in view.

First in real time for so many seconds: frames per second (requestAnimationFrame; median and worst second), CPU of the page's
main thread, and memory. Then so many updates of every chart (36,000 are an hour), pushed as fast as the page takes them, with its
clock going along: memory after each tenth. Heap: used by JavaScript, after garbage collection; process: private memory
of the renderer. --updates 0 leaves the second part out, --seconds 0 the first.
"""
import argparse
import functools
import http.server
import json
import pathlib
import statistics
import threading
import time

from browser import chromium, free_of_noise
from charts_bench import metrics, used_heap

HERE = pathlib.Path(__file__).resolve().parent
ASSETS = HERE.parent.parent / "Sources/Dashboard/Assets"
LIBRARY = pathlib.Path("/usr/share/javascript/dygraphs")
PASS_MS = 500  # of simulated time between two breaths of the page: it draws in between


class Files(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path):
        name = path.split("?")[0].removeprefix("/assets/")
        if name == "/":
            return str(ASSETS / "index.html")
        return str(LIBRARY / name[len("vendor/"):] if name.startswith("vendor/") else ASSETS / name)

    def log_message(self, *arguments):
        pass


def private_memory(driver):
    """Bytes that the page's renderer has for itself: of the driver's renderers the biggest, for a spare one may stand by."""
    parents, found = {}, []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit():
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended while we looked
    for process in parents:
        ancestor = process
        while ancestor and ancestor != driver.service.process.pid:
            ancestor = parents.get(ancestor)
        try:
            if ancestor and b"--type=renderer" in pathlib.Path(f"/proc/{process}/cmdline").read_bytes():
                rollup = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
                found.append(sum(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Private_")))
        except OSError:
            continue
    return max(found, default=0)


def open_page(driver, base, charts, rush):
    driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    options = json.dumps({"charts": charts, "rush": rush})
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {
        "source": f"window.benchOptions = {options};\n" + (HERE / "page_bench.js").read_text()})
    driver.get(f"{base}/?kiosk#range=5m")
    deadline = time.monotonic() + 60
    while driver.execute_script("return window.weir ? weir.state.panels.filter((one) => one.points > 250).length : 0") < charts:
        if time.monotonic() > deadline:
            raise SystemExit(f"not all charts were drawn within 60 s: {driver.execute_script('return weir.state')}")
        time.sleep(0.2)


def in_real_time(driver, base, charts, seconds):
    open_page(driver, base, charts, rush=0)
    time.sleep(5)  # the compiler's warm-up is not what a page open all day pays
    heap = used_heap(driver)
    before, ticks = metrics(driver), driver.execute_script("bench.start(); return bench.ticks")
    drawn = driver.execute_script("return weir.state.drawn")
    time.sleep(seconds)
    frames, ticked, drawn = driver.execute_script("return [[...bench.frames].slice(0, -1), bench.ticks, weir.state.drawn - arguments[0]]", drawn)
    after = metrics(driver)
    frames = [count or 0 for count in frames]
    spent = {name: (after[name] - before[name]) / seconds for name in ("TaskDuration", "ScriptDuration")}
    print(f"{charts} charts, {seconds} s: {statistics.median(frames):.0f} frames/s (worst second {min(frames)}), {(ticked - ticks) / seconds:.1f} updates/s"
          f" of each chart, {drawn / seconds / charts:.1f} drawings/s of each; main thread busy {spent['TaskDuration']:.0%}, of it script"
          f" {spent['ScriptDuration']:.0%}; heap {used_heap(driver) / 1e6:.1f} MB ({(used_heap(driver) - heap) / 1e6:+.2f}), process"
          f" {private_memory(driver) / 1e6:.0f} MB", flush=True)


def as_fast_as_possible(driver, base, charts, updates):
    open_page(driver, base, charts, rush=PASS_MS)
    print("updates  drawings   heap MB  process MB   DOM nodes  listeners  seconds", flush=True)
    begun, heaps = time.monotonic(), []
    for tenth in range(1, 11):
        while driver.execute_script("return bench.ticks") < updates * tenth / 10:
            time.sleep(0.1)
        heaps.append(used_heap(driver) / 1e6)
        ticks, drawn, error = driver.execute_script("return [bench.ticks, weir.state.drawn, weir.state.panels.find((one) => one.error)?.error]")
        assert not error, error
        now = metrics(driver)
        print(f"{ticks:7} {drawn:9} {heaps[-1]:9.2f} {private_memory(driver) / 1e6:11.0f} {now['Nodes']:11.0f} {now['JSEventListeners']:10.0f}"
              f" {time.monotonic() - begun:8.0f}", flush=True)
    print(f"heap grew by {heaps[-1] - heaps[0]:+.2f} MB from the first tenth to the last", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--charts", type=int, default=24)
    options.add_argument("--updates", type=int, default=36_000)
    options.add_argument("--screenshot", help="a file for a picture of the measured page")
    chosen = options.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    for measure, amount in ((in_real_time, chosen.seconds), (as_fast_as_possible, chosen.updates)):
        if not amount:
            continue
        with chromium(width=1920, height=1080) as driver:
            measure(driver, base, chosen.charts, amount)
            if chosen.screenshot:
                driver.save_screenshot(chosen.screenshot)
            free_of_noise(driver)
    server.shutdown()


if __name__ == "__main__":
    main()
