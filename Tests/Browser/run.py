#!/usr/bin/python3
"""Tests the dashboard in headless Chromium (Debian's chromium, chromium-driver, python3-selenium).

    run.py [URL]

The page is that of URL or WEIR_URL; without one, `weir up` is started on a free port with data of its own (the executable is
WEIR_BIN, or .build/release/weir, or .build/debug/weir) and stopped again, which is tested too. What is checked is the state
that the page shows to its tests (`window.weir.state`), never pixels; screenshots are kept in test-output/ for people.
"""
import os
import pathlib
import sys
import tempfile
import time
import traceback

import boards
import first_paint
import outages
import views
from browser import chromium, console_errors
from weir_up import WeirUp

HERE = pathlib.Path(__file__).resolve().parent
OUTPUT = HERE.parent.parent / "test-output"
ARRIVAL = 15  # seconds within which a fresh installation must show moving charts
HISTORY = 60  # of a fresh one too: the first whole step of 20 s may end 40 s after its start, and is asked for every 10 s


class Page:
    """The dashboard in a browser, and what its state says."""

    def __init__(self, driver, url):
        self.driver, self.url = driver, url

    def open(self, fragment=""):
        self.driver.get("about:blank")  # a changed fragment alone would not load the page anew
        self.driver.get(self.url.rstrip("/") + "/" + fragment)

    def state(self):
        return self.driver.execute_script("return window.weir?.state") or {"connection": "no page", "panels": []}

    def panels(self):
        return {panel["id"]: panel for panel in self.state()["panels"]}

    def until(self, claim, condition, seconds=ARRIVAL):
        """Waits until `condition(state)` holds and returns what it returned."""
        deadline = time.monotonic() + seconds
        while True:
            state = self.state()
            result = condition(state)
            if result:
                return result
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {claim}; the page's state is {state}")
            time.sleep(0.05)

    def script(self, file):
        """Runs a module of checks in the page; it returns a list of what failed."""
        source = (HERE / file).read_text()
        return self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            f"(async () => {{ {source} }})().then(done, (error) => done([String(error.stack ?? error)]));")

    def screenshot(self, name):
        OUTPUT.mkdir(exist_ok=True)
        self.driver.save_screenshot(str(OUTPUT / f"{name}.png"))

    def free_of_errors(self):
        errors = console_errors(self.driver)
        assert not errors, "the console has errors:\n  " + "\n  ".join(dict.fromkeys(errors))


def moving(state):
    """The panels that hold points and got live updates."""
    return [panel for panel in state["panels"] if panel["points"] > 0 and panel["updates"] > 0]


def minutely(panel):
    """Whether its points are whole minutes (uniques): the newest one grows, and the next is up to a minute away."""
    return "unique" in panel["agg"]


def live_points_arrive_and_advance(page):
    page.open()
    page.until("a chart that moves", moving)
    first = page.panels()
    page.until("every chart that has points goes on to newer ones", lambda state: all(
        (panel["newest"] > first[panel["id"]]["newest"] or minutely(panel)) and panel["updates"] > first[panel["id"]]["updates"]
        for panel in state["panels"] if first.get(panel["id"], {}).get("points")))
    assert page.state()["connection"] == "live"
    assert page.driver.execute_script("return document.body.dataset.connection") == "live"
    drawn = page.state()["drawn"]
    page.until("charts go on being drawn", lambda state: state["drawn"] > drawn)
    page.screenshot("dashboard-light")


def figures_and_freshness_are_shown(page):
    page.until("figures beside the charts", lambda _: page.driver.execute_script(
        "return [...document.querySelectorAll('.figure b')].some((one) => /\\d/.test(one.textContent))"))
    page.until("'data as of'", lambda _: page.driver.execute_script(
        "return /data as of \\d/.test(document.getElementById('as-of').textContent)"))


def the_modules_do_what_they_say(page):
    failures = page.script("modules.js")
    assert not failures, "; ".join(failures)


def history_answers_and_live_goes_on_after_it(page):
    filled = [panel["id"] for panel in moving(page.state())]
    page.driver.execute_script("document.querySelector('#ranges input[value=\"1h\"]').click()")
    page.until("charts of the last hour wherever there were live ones", lambda state: all(
        panel["mode"] == "history" and panel["points"] > 0 and not panel["error"]
        for panel in state["panels"] if panel["id"] in filled), HISTORY)
    time.sleep(1)  # for the picture only: the text follows the charts twice a second
    page.screenshot("dashboard-history")
    page.driver.execute_script("document.querySelector('#ranges input[value=\"1m\"]').click()")
    page.until("live again", lambda state: [panel for panel in moving(state) if panel["mode"] == "live"])


def a_link_opens_the_same_view(page):
    select = "document.querySelector('.controls select[aria-label^=Grouping]')"
    assert page.driver.execute_script(f"return !!{select}"), "no chart can be grouped"
    page.driver.execute_script(
        f"const select = {select}; select.selectedIndex = 0; select.dispatchEvent(new Event('change'));")
    chosen = page.driver.execute_script(f"return {select}.closest('.panel').dataset.panel")
    page.until("the chart without groups", lambda state: any(
        panel["id"] == chosen and panel["by"] == [] and panel["series"] == 1 and panel["points"] for panel in state["panels"]))
    page.open(page.driver.execute_script("return location.hash"))
    again = page.until("the page opened from the link", lambda state: moving(state) and state)
    assert again["range"] == "1m", again["range"]
    assert next(panel for panel in again["panels"] if panel["id"] == chosen)["by"] == []


def every_control_has_a_name(page):
    nameless = page.driver.execute_script(boards.NAMELESS)
    assert not nameless, nameless


def a_lost_network_is_said_and_survived(page):
    page.open()
    page.until("live", moving)
    page.driver.execute_cdp_cmd("Network.enable", {})
    conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True, **conditions})
    page.until("offline is said", lambda state: state["connection"] == "offline")
    page.screenshot("dashboard-offline")
    snapshots = {panel["id"]: panel["snapshots"] for panel in page.state()["panels"]}
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, **conditions})
    page.until("live again, with fresh snapshots", lambda state: state["connection"] == "live" and all(
        panel["snapshots"] > snapshots[panel["id"]] for panel in state["panels"]))
    console_errors(page.driver)  # what failed while there was no network is no fault


def fits(page, name):
    """Opens the page, waits for its charts, and checks that nothing sticks out to the side."""
    page.open()
    page.until("a chart that moves", moving)
    time.sleep(1)  # for the picture only: the text follows the charts twice a second
    page.screenshot(name)
    wide = page.driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1], f"the page is {wide[0]} px wide in a window of {wide[1]}"


def it_fits_a_wide_dark_screen(page):
    fits(page, "dashboard-dark")


def it_fits_a_phone(page):
    page.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True})
    fits(page, "dashboard-phone")


LIGHT = [live_points_arrive_and_advance, figures_and_freshness_are_shown, the_modules_do_what_they_say,
         history_answers_and_live_goes_on_after_it, a_link_opens_the_same_view, every_control_has_a_name,
         views.dragging_zooms_and_back_returns, views.a_metric_opens_large_grouped_and_filtered, views.the_keyboard_is_enough,
         views.operations_are_shown, views.text_can_be_read, *boards.ALL, a_lost_network_is_said_and_survived]
DARK = [it_fits_a_wide_dark_screen, views.text_can_be_read, it_fits_a_phone]


class Tally:
    passed = failed = 0

    def run(self, test, *arguments):
        claim = test.__name__.replace("_", " ")
        try:
            test(*arguments)
        except Exception as failure:  # noqa: BLE001 (one failed test must not hide the others)
            self.failed += 1
            print(f"FAILED  {claim}: {failure}", flush=True)
            if not isinstance(failure, AssertionError):
                traceback.print_exc()
        else:
            self.passed += 1
            print(f"passed  {claim}", flush=True)


def test_page(tally, url):
    for tests, dark in ((LIGHT, False), (DARK, True)):
        with chromium(dark=dark) as driver:
            page = Page(driver, url)
            for test in tests:
                def complete(test=test):
                    test(page)
                    page.free_of_errors()
                complete.__name__ = test.__name__
                tally.run(complete)
                if dark is False and tally.failed and tally.passed == 0:
                    return page.screenshot("dashboard-failed")  # nothing arrives: the rest would only repeat it


def test_outages(tally, weir):
    with chromium() as driver:
        page = Page(driver, weir.url)
        for test in outages.ALL:
            tally.run(test, page, weir)


def test_first_paint(tally, url):
    tally.run(first_paint.it_paints_soon_from_a_cold_start, lambda driver: Page(driver, url))


def test_sign_in(tally):
    with tempfile.TemporaryDirectory(prefix="weir-tokens-") as folder:
        tokens, readable, changing = views.tokens_file(folder)
        configuration = pathlib.Path(folder, "weir.json5")
        configuration.write_text(boards.CONFIGURATION)
        with WeirUp("--tokens", str(tokens), "--config", str(configuration)) as weir, chromium() as driver:
            page = Page(driver, weir.url)
            page.token, page.admin = readable, changing
            for test in (views.a_token_signs_in_and_out, boards.a_reader_sees_boards_and_changes_none, boards.an_admin_who_signed_in_saves):
                tally.run(test, page)


def main():
    if len(sys.argv) > 2 or sys.argv[1:] in (["-h"], ["--help"]):
        print(__doc__)
        return 0 if len(sys.argv) == 2 else 64
    tally = Tally()
    url = sys.argv[1] if len(sys.argv) == 2 else os.environ.get("WEIR_URL")
    if url:
        test_page(tally, url)
        test_first_paint(tally, url)
    else:
        with WeirUp() as weir:
            test_page(tally, weir.url)
            test_first_paint(tally, weir.url)
            test_outages(tally, weir)
            tally.run(weir.stops_on_interrupt_and_leaves_nothing)
        test_sign_in(tally)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
