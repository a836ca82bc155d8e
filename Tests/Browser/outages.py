"""What the page says and does while a store or the server is away, and after. Run by run.py, on a `weir up` of its own."""
import contextlib
import os
import signal

from browser import console_errors

RECOVERY = 45  # seconds: a store's own start, its circuit breaker, the worker's next look
# Keeps each text that the connection light shows, in order.
WATCH_LIGHT = """
    const light = document.getElementById('connection');
    const seen = window.lightSeen = [];
    const look = () => { const text = light.innerText.replace(/\\s+/g, ' ').trim(); if (text !== seen.at(-1)) seen.push(text); };
    look();
    new MutationObserver(look).observe(light, { childList: true, characterData: true, subtree: true });
"""
# The rate by service as the chart has it, and as the API answers for the same buckets, per series; `gap` must be among them.
COMPARE = """
    const [gap, done] = arguments;
    const { t, lines } = window.weir.pictureOf('request_count');
    // The newest seconds may still grow, and with a restart behind us what was sent again arrives late.
    const from = gap - 5000, to = t.at(-1) - 3000;
    if (!(t[0] <= from && to >= gap + 2000)) { done({ missing: [t[0], from, to, gap] }); return; }
    fetch(`/api/v1/query?metric=request_count&agg=rate&by=service&step=1s&from=${from}&to=${to}`).then((answer) => answer.json()).then((answer) => {
        const of = Object.fromEntries(answer.series.map((one) => [one.labels.service, Object.fromEntries(one.t.map((at, i) => [at, one.rate[i]]))]));
        const compared = [], different = [];
        for (const { name, column } of lines) for (let i = 0; i < t.length; i++) {
            if (t[i] < answer.from || t[i] >= answer.to) continue;
            compared.push(column[i] ?? 0);
            if ((column[i] ?? 0) !== (of[name]?.[t[i]] ?? 0)) different.push([name, t[i] - gap, column[i], of[name]?.[t[i]]]);
        }
        done({ compared: compared.length, events: compared.filter((value) => value > 0).length, different });
    }, (error) => done({ failed: String(error) }));
"""


@contextlib.contextmanager
def out_of_reach(weir, program):
    """Stops all processes of `program` in their tracks: connections stay, and nothing answers; then lets them go on."""
    stopped = [pid for pid, command in weir.left_over().items() if program in command.split(" -")[0]]
    assert stopped, f"no process of {program} among {weir.left_over()}"
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def notices(page):
    return page.driver.execute_script("return document.getElementById('notices').innerText")


def live(page, since=None):
    """Waits until the rate's chart is live and, where `since` is a state, has gone on to newer seconds than it had."""
    def goes_on(state):
        panels = {panel["id"]: panel for panel in state["panels"]}
        panel, before = panels.get("request_count"), since["request_count"]["newest"] if since else 0
        return state["connection"] == "live" and panel and panel["points"] > 0 and panel["newest"] > before and panel["updates"] > 0
    page.until("a live chart that goes on", goes_on, RECOVERY)
    return page.panels()


def postgresql_away_is_said_and_live_goes_on(page, weir):
    page.open("#range=1m")
    live(page)
    with out_of_reach(weir, "postgres"):
        page.until("a banner that names PostgreSQL", lambda _: "PostgreSQL is out of reach" in notices(page), RECOVERY)
        assert "Redis" not in notices(page), notices(page)
        live(page, since=page.panels())
        page.screenshot("dashboard-postgresql-away")
    page.until("no banner once it is back", lambda _: not notices(page), RECOVERY)
    live(page, since=page.panels())
    console_errors(page.driver)  # an answer of 503 meanwhile is no fault


def redis_away_is_said_and_recovered(page, weir):
    page.open("#range=1m")
    before = live(page)
    with out_of_reach(weir, "redis-server"):
        page.until("a banner that names Redis", lambda _: "Redis is out of reach" in notices(page), RECOVERY)
        assert "may stand still" in notices(page) and "PostgreSQL" not in notices(page), notices(page)
        assert page.state()["connection"] == "live", "the server is there: the light is about it"
        assert page.panels()["request_count"]["points"] >= before["request_count"]["points"] // 2, "what was known must stay"
        page.screenshot("dashboard-redis-away")
        held = page.panels()
    page.until("no banner once it is back", lambda _: not notices(page), RECOVERY)
    live(page, since=held)
    console_errors(page.driver)


def a_restarted_server_is_found_again(page, weir):
    page.open("#range=1m")
    live(page)
    page.driver.execute_script(WATCH_LIGHT)
    before = page.panels()
    server = weir.part("serve")
    gap = before["request_count"]["newest"]
    os.kill(server, signal.SIGKILL)
    page.until("the connection lost", lambda state: page.driver.execute_script("return window.lightSeen.length > 1"))
    page.screenshot("dashboard-reconnecting")
    page.until("live again, with fresh snapshots", lambda state: state["connection"] == "live" and all(
        panel["snapshots"] > before[panel["id"]]["snapshots"] for panel in state["panels"]), RECOVERY)
    seen = page.driver.execute_script("return window.lightSeen")
    assert seen[0] == "Live" and seen[-1] == "Live", seen
    assert any(text.startswith("Reconnecting in ") and text.endswith(" s") for text in seen), seen
    live(page, since=before)

    def equal(_):
        result = page.driver.execute_async_script(COMPARE, gap)
        equal.last = result
        return result.get("events", 0) >= 5 and not result["different"]
    try:
        page.until("a picture that equals the API's answer, across the restart", equal, RECOVERY)
    except AssertionError as failure:
        raise AssertionError(f"{failure}; compared: {equal.last}") from None
    console_errors(page.driver)  # attempts to connect while there was no server are no fault


ALL = [postgresql_away_is_said_and_live_goes_on, redis_away_is_said_and_recovered, a_restarted_server_is_found_again]
