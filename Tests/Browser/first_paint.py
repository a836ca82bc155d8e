"""How soon the page shows something in a browser that has never seen it. Run by run.py."""
import statistics

from browser import chromium

PAINT = 1000  # ms; 300 are meant (docs/charts.md has what was measured), and test machines are slow and busy
# Notes when the first chart was drawn; runs before the page's own code.
NOTE_FIRST_CHART = """
    requestAnimationFrame(function look() {
        if (window.weir?.state.drawn && window.weir.state.panels.some((panel) => panel.points)) window.firstChart = performance.now();
        else requestAnimationFrame(look);
    });
"""
PAINTED = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def cold_start(page_of):
    """In ms since the address was opened: the first contentful paint, and the first chart, of a browser just started."""
    with chromium() as driver:
        page = page_of(driver)
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": NOTE_FIRST_CHART})
        page.open()
        page.until("a chart", lambda _: driver.execute_script("return window.firstChart"))
        page.until("the time of the first paint", lambda _: driver.execute_script(PAINTED))
        return driver.execute_script(PAINTED), driver.execute_script("return window.firstChart")


def it_paints_soon_from_a_cold_start(page_of):
    starts = [cold_start(page_of) for _ in range(3)]
    paint, chart = (statistics.median(times) for times in zip(*starts))
    print(f"        first contentful paint {paint:.0f} ms, first chart {chart:.0f} ms after opening (medians of 3 cold starts)", flush=True)
    assert 0 < paint < PAINT, starts
