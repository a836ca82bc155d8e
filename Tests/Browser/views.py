"""What a reader does with the page: looks closer, opens a metric, filters, uses the keyboard, signs in. Run by run.py."""
import pathlib

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

HISTORY = 60  # seconds, as in run.py
# Of every text that is shown: the contrast to what lies behind it (WCAG 2.2); what is below 4.5 comes back.
CONTRAST = """
    const rgb = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (one) => {
        for (let at = one; at; at = at.parentElement) {
            const colour = rgb(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const weak = new Set();
    let seen = 0;
    for (const one of document.querySelectorAll('body *')) {
        const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        if (!own || !one.checkVisibility() || one.matches('.unseen, .skip, option, script, noscript')) continue;
        seen++;
        const [a, b] = [light(rgb(getComputedStyle(one).color)), light(behind(one))].sort((x, y) => y - x);
        const contrast = (a + 0.05) / (b + 0.05);
        if (contrast < 4.5) weak.add(`${one.tagName} .${one.className} "${one.textContent.slice(0, 20)}": ${contrast.toFixed(2)}`);
    }
    return [seen, [...weak]];
"""


def click(page, selector):
    page.driver.execute_script("document.querySelector(arguments[0]).click()", selector)


def keys(page, *text):
    ActionChains(page.driver).send_keys(*text).perform()


def ready(page, fragment=""):
    page.open(fragment)
    page.until("charts with points", lambda state: state["panels"] and all(
        panel["points"] for panel in state["panels"] if panel["metric"] != "active_users"))


def text_can_be_read(page):
    ready(page)
    page.until("figures", lambda _: page.driver.execute_script("return document.querySelectorAll('.figure b').length > 3"))
    for fragment in ["", "#view=metric&metric=response_time&by=service", "#view=ops"]:
        ready(page, fragment)
        seen, weak = page.driver.execute_script(CONTRAST)
        assert seen > 15, f"only {seen} texts at {fragment}: the search is broken"
        assert not weak, f"{fragment}: {weak}"


def dragging_zooms_and_back_returns(page):
    ready(page, "#range=1m")
    page.until("45 s of events, so that the stretch has some throughout", lambda _: page.driver.execute_async_script(
        "const done = arguments[0]; fetch('/api/v1/query?metric=events&from=-1m').then((answer) => answer.json())"
        ".then(({ series }) => done(series[0]?.t.length >= 45), () => done(false))"), HISTORY)
    canvas = page.driver.find_element("css selector", "[data-panel=request_count] .canvas")
    ActionChains(page.driver).move_to_element(canvas).click_and_hold().move_by_offset(90, 0).release().perform()
    zoomed = page.until("a range of one's own", lambda state: "-" in state["range"] and state)
    start, end = map(int, zoomed["range"].split("-"))
    assert 10_000 <= end - start < 60_000, f"{end - start} ms"
    page.until("the zoomed range in all charts, whole to its edges", lambda state: all(
        panel["mode"] == "history" and panel["points"] and not panel["error"] for panel in state["panels"]
        if panel["metric"] == "request_count"), HISTORY)
    first = page.panels()["request_count"]
    assert first["first"] <= start + first["step"] and first["newest"] >= end - 2 * first["step"], (first, start, end)
    page.screenshot("dashboard-zoomed")
    page.driver.back()
    page.until("live again", lambda state: state["range"] == "1m" and state["panels"][0]["mode"] == "live")


def lines_differ(state, several):
    """Whether the lines of p90 and p99 have names and looks of their own; of a single series, colours of their own too."""
    lines = [line.split(" #") for line in state["panels"][0]["lines"]]
    names, looks = [name for name, _ in lines], [look for _, look in lines]
    distinct = looks if several else [look.split(" ")[0] for look in looks]
    return (len(lines) == 2) != several and len(lines) > 1 and all(name.endswith((" p90", " p99")) for name in names) \
        and len(set(names)) == len(names) and len(set(distinct)) == len(lines)


def a_metric_opens_large_grouped_and_filtered(page):
    ready(page)
    click(page, "[data-panel=response_time] h2 a")
    page.until("the metric alone", lambda state: state["view"] == "metric" and len(state["panels"]) == 1)
    click(page, ".chips input[value=p50]")
    page.until("without p50", lambda state: state["panels"][0]["agg"] == ["p90", "p99"])
    page.driver.execute_script(
        "const one = document.querySelector('.choices select'); one.value = 'service'; one.dispatchEvent(new Event('change'));")
    several = page.until("grouped", lambda state: state["panels"][0]["series"] > 1 and state)
    assert several["panels"][0]["by"] == ["service"]
    page.until("each line named by series and aggregation, and none like another", lambda state: lines_differ(state, several=True))
    page.screenshot("dashboard-metric-grouped")
    click(page, "button[aria-label='Filter by service']")
    page.until("the label's values", lambda _: page.driver.execute_script("return document.querySelectorAll('.checks input').length > 1"))
    click(page, ".checks input")
    click(page, ".surface form .primary")
    page.until("one service only", lambda state: state["panels"][0]["series"] == 1 and state["panels"][0]["points"])
    page.until("its two lines told apart by name and colour", lambda state: lines_differ(state, several=False))
    page.until("both in the headline", lambda _: page.driver.execute_script(
        "return [...document.querySelectorAll('.figures .caption')].map((one) => one.textContent.split(' ').at(-1)).join() === 'p90,p99'"))
    page.screenshot("dashboard-metric")
    address = page.driver.execute_script("return location.hash")
    page.open(address)
    again = page.until("the same from its link", lambda state: state["panels"] and state["panels"][0]["series"] == 1 and state)
    assert again["panels"][0]["agg"] == ["p90", "p99"] and again["panels"][0]["by"] == ["service"]


def the_keyboard_is_enough(page):
    ready(page)
    keys(page, "j", "v")
    page.until("the first chart as a table", lambda _: page.driver.execute_script(
        "return document.querySelector('.panel.as-table tbody')?.rows.length > 2"))
    keys(page, "v")
    page.driver.execute_script("document.querySelector('.canvas').focus()")
    keys(page, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    page.until("the crosshair in all charts", lambda _: page.driver.execute_script(
        "return document.querySelectorAll('.crosshair:not([hidden])').length > 2"))
    keys(page, Keys.ENTER)
    page.until("the chart large", lambda state: state["view"] == "metric")
    keys(page, Keys.ESCAPE)
    page.until("the overview", lambda state: state["view"] == "overview")
    keys(page, "g", "s")
    page.until("operations", lambda state: state["view"] == "ops")
    keys(page, "4", "u")
    page.until("an hour, in UTC", lambda state: state["range"] == "1h" and "zone=utc" in page.driver.current_url)
    keys(page, "?")
    page.until("the list of keys", lambda _: page.driver.execute_script("return document.querySelector('dialog.help')?.open"))
    page.screenshot("dashboard-keyboard")


def operations_are_shown(page):
    page.open("#view=ops")
    page.until("all cards filled", lambda _: page.driver.execute_script(
        "return document.querySelectorAll('.card').length === 6 && !document.body.textContent.includes('Loading …')"))
    page.until("balanced books", lambda _: page.driver.execute_script(
        "return document.querySelector('[data-card=audit] .state')?.textContent.startsWith('balanced')"), 60)
    page.screenshot("dashboard-operations")


def a_token_signs_in_and_out(page):
    """Of an installation that asks for a token; `page.token` reads."""
    page.open()
    field = "document.querySelector('dialog.sign-in[open] input')"
    page.until("the sign-in", lambda _: page.driver.execute_script(f"return !!{field}"))
    page.screenshot("dashboard-sign-in")
    keys(page, "wrong-token-000001", Keys.ENTER)
    page.until("why not", lambda _: page.driver.execute_script(
        "return document.querySelector('dialog .problem').textContent.includes('not known')"))
    page.driver.execute_script(f"{field}.value = ''")
    keys(page, page.token, Keys.ENTER)
    page.until("live charts", lambda state: state["connection"] == "live" and any(panel["updates"] for panel in state["panels"]))
    page.driver.delete_all_cookies()  # as if the session had ended
    click(page, "#ranges input[value='1h']")
    page.driver.execute_script("location.reload()")
    page.until("the sign-in again", lambda _: page.driver.execute_script(f"return !!{field}"))
    keys(page, page.token, Keys.ENTER)
    page.until("charts again", lambda state: any(panel["points"] for panel in state["panels"]))
    page.driver.execute_script("[...document.querySelectorAll('#tools button')].find((one) => one.textContent === 'Sign out').click()")
    page.until("signed out", lambda _: page.driver.execute_script(f"return !!{field}"))
    page.driver.get_log("browser")  # what was refused on the way is no fault


def tokens_file(folder):
    """A file of tokens for `weir up`; returns it, the token that reads, and the one that may do all."""
    path = pathlib.Path(folder) / "tokens"
    path.write_text("ingest ingest-token-browser\nread read-token-browser-1\nadmin admin-token-browser\n")
    return path, "read-token-browser-1", "admin-token-browser"
