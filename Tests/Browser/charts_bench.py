#!/usr/bin/python3
"""Measures chart libraries in headless Chromium: docs/charts.md says why and what came out.

    charts_bench.py [--seconds 60] [--charts 12,24] [--case NAME ...]

Every case draws N charts of 10 series with 300 points each and gives every chart a new point 10 times a second.
Printed: frames per second (requestAnimationFrame; median and worst second), CPU of the page's main thread per update of
all charts (Performance.getMetrics, TaskDuration), and growth of the used heap (after garbage collection, at both ends).
"""
import argparse
import functools
import http.server
import pathlib
import statistics
import threading
import time

from browser import chromium, free_of_noise

CASES = ["none", "dygraphs", "dygraphs-spread", "chartjs", "chartjs-tuned"]
HERE = pathlib.Path(__file__).resolve().parent


class Files(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path):
        path = path.split("?")[0]
        if path.startswith("/vendor/"):
            return "/usr/share/javascript/" + path[len("/vendor/"):]
        return str(HERE / path.lstrip("/"))

    def log_message(self, *arguments):
        pass


def metrics(driver):
    reply = driver.execute_cdp_cmd("Performance.getMetrics", {})
    return {entry["name"]: entry["value"] for entry in reply["metrics"]}


def used_heap(driver):
    driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    return metrics(driver)["JSHeapUsedSize"]


def measure(base, case, charts, seconds):
    with chromium(width=1600, height=1300) as driver:
        driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
        driver.get(f"{base}/charts_bench.html?case={case}&charts={charts}")
        time.sleep(5)  # the compiler's warm-up is not what a page open all day pays
        heap = used_heap(driver)
        before = metrics(driver)
        driver.execute_script("start()")
        time.sleep(seconds)
        page = driver.execute_script("return stop()")
        after = metrics(driver)
        cpu = (after["TaskDuration"] - before["TaskDuration"]) * 1000 / page["updates"]
        script = (after["ScriptDuration"] - before["ScriptDuration"]) * 1000 / page["updates"]
        growth = (used_heap(driver) - heap) / 1e6
        free_of_noise(driver)
        frames = page["framesPerSecond"]
        return (f"{charts:6} {case:16} {statistics.median(frames):8.0f} {min(frames):6.0f} {page['updates'] / seconds:9.1f}"
                f" {cpu:9.1f} {script:9.1f} {growth:+9.2f}")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--charts", default="12,24")
    options.add_argument("--case", action="append", choices=CASES)
    chosen = options.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    print("charts case             frames/s  worst updates/s  CPU ms/u  JS ms/u   heap MB", flush=True)
    for charts in map(int, chosen.charts.split(",")):
        for case in chosen.case or CASES:
            print(measure(base, case, charts, chosen.seconds), flush=True)
    server.shutdown()


if __name__ == "__main__":
    main()
