"""Saved boards: made, changed by keyboard, shared, exported and imported, kept from being overwritten, read-only. Run by run.py."""
import json
import pathlib
import tempfile

from selenium.webdriver.common.keys import Keys

from browser import console_errors
from views import CONTRAST, click, keys, ready

NAMELESS = """
    const named = (one) => one.getAttribute('aria-label') || one.closest('label')?.textContent.trim() || one.textContent.trim();
    return [...document.querySelectorAll('input, select, button, a, [role=img]')].filter((one) => one.checkVisibility() && !named(one)).map((one) => one.outerHTML)
"""
# Sends a request and returns the status and the body of its answer.
FETCH = """
    const [path, options, done] = arguments;
    fetch(path, options).then(async (answer) => done([answer.status, await answer.text()]), (error) => done([0, String(error)]));
"""


def says(page, selector, words):
    """Waits until some element that is shown says so."""
    page.until(f"{selector} says {words!r}", lambda _: page.driver.execute_script(
        "return [...document.querySelectorAll(arguments[0])].some((one) => one.checkVisibility() && one.textContent.includes(arguments[1]))",
        selector, words))


def press(page, words, place="body"):
    """Clicks the button of that name."""
    says(page, f"{place} button", words)
    page.driver.execute_script(
        "[...document.querySelectorAll(`${arguments[0]} button`)].find((one) => one.textContent === arguments[1]).click()", place, words)


def shows(page, *panels):
    """Waits until the board has these panels, `(metric, aggregations, labels)`, and each has points."""
    wanted = [list(panel) for panel in panels]
    return page.until(f"the board of {wanted}", lambda state: state["view"] == "board" and [
        [panel["metric"], panel["agg"], panel["by"]] for panel in state["panels"]] == wanted and all(
        panel["points"] and not panel["error"] for panel in state["panels"]) and state)


def stored(page, name, method="GET", body=None, **headers):
    options = {"method": method, "headers": {"Content-Type": "application/json", **headers}}
    if body is not None:
        options["body"] = json.dumps(body)
    status, text = page.driver.execute_async_script(FETCH, f"/api/v1/boards/{name}", options)
    return status, json.loads(text) if text else None


def good_to_read_and_use(page, what):
    seen, weak = page.driver.execute_script(CONTRAST)
    assert seen > 8 and not weak, f"{what}: {weak}"
    nameless = page.driver.execute_script(NAMELESS)
    assert not nameless, f"{what}: {nameless}"


def new_board(page, title):
    """Opens the menu by keyboard and makes a board that is empty."""
    keys(page, "g", "b")
    press(page, "New board …", "nav")
    keys(page, title, Keys.ENTER)
    page.until("the new board, being changed", lambda _: page.driver.execute_script(
        "return document.activeElement.getAttribute('aria-label') === 'Title'"))


def a_board_is_made_by_keyboard_and_saved(page):
    ready(page)
    new_board(page, "Check-out & co")
    assert "board=check-out-co" in page.driver.current_url, page.driver.current_url
    press(page, "Add panel")
    page.driver.execute_script("""
        const metric = document.querySelector('dialog [name=metric]');
        metric.value = 'response_time';
        metric.dispatchEvent(new Event('change'));
        document.querySelector('dialog [value=p90]').click();
        document.querySelector('dialog [name=by][value=service]').click();
        document.querySelector('dialog [name=title]').focus();
    """)
    keys(page, "How fast")
    good_to_read_and_use(page, "a panel's form")
    page.screenshot("dashboard-board-panel")
    keys(page, Keys.ENTER)
    page.until("the panel", lambda state: [panel["agg"] for panel in state["panels"]] == [["p50", "p99"]])
    press(page, "Add panel")
    page.driver.execute_script("""
        document.querySelector('dialog [name=metric]').value = 'request_count';
        document.querySelector('dialog [name=metric]').dispatchEvent(new Event('change'));
        document.querySelector('dialog [name="f.service"]').value = 'checkout';
        document.querySelector('dialog [name=size]').value = 'wide';
    """)
    press(page, "Apply", "dialog")
    page.until("both panels", lambda state: len(state["panels"]) == 2)
    good_to_read_and_use(page, "a board that is changed")
    page.screenshot("dashboard-board-edit")
    press(page, "Save")
    state = shows(page, ("response_time", ["p50", "p99"], ["service"]), ("request_count", ["rate"], []))
    assert state["panels"][1]["series"] == 1
    page.until("the buttons for changing gone", lambda _: page.driver.execute_script(
        "return !document.querySelector('button.primary') && !document.querySelector('.icon.edit')"))
    status, board = stored(page, "check-out-co")
    assert status == 200 and board["title"] == "Check-out & co" and board["panels"] == [
        {"metric": "response_time", "agg": ["p50", "p99"], "by": ["service"], "title": "How fast"},
        {"metric": "request_count", "agg": ["rate"], "filters": {"service": "checkout"}, "size": "wide"}], board
    page.screenshot("dashboard-board")


def panels_are_moved_and_removed_by_keyboard(page):
    press(page, "Edit")
    page.driver.execute_script("document.querySelector('[data-panel=b1] [aria-label=\"Move forward\"]').focus()")
    keys(page, Keys.ENTER)
    page.until("the other order", lambda state: [panel["metric"] for panel in state["panels"]] == ["request_count", "response_time"])
    held = page.driver.execute_script(
        "const one = document.activeElement; return [one.getAttribute('aria-label'), one.closest('.panel')?.dataset.panel]")
    assert held == ["Change", "b0"], held  # the way forward has ended there
    page.driver.execute_script("document.querySelector('[data-panel=b1] [aria-label=Remove]').focus()")
    keys(page, Keys.ENTER)
    page.until("one panel", lambda state: len(state["panels"]) == 1)
    page.driver.execute_script("document.querySelector('[data-panel=b0] [aria-label=Change]').focus()")
    keys(page, Keys.ENTER)
    says(page, "dialog h2", "Change panel")
    page.driver.execute_script("for (const one of ['count', 'rate']) document.querySelector(`dialog [value=${one}]`).click()")
    press(page, "Apply", "dialog")
    page.until("the panel as it was changed", lambda state: [panel["agg"] for panel in state["panels"]] == [["count"]])
    click(page, ".brand")
    page.until("the overview", lambda state: state["view"] == "overview")
    page.driver.back()
    page.until("the change, not lost", lambda state: state["view"] == "board" and len(state["panels"]) == 1)
    press(page, "Cancel")
    shows(page, ("response_time", ["p50", "p99"], ["service"]), ("request_count", ["rate"], []))


def a_shared_link_and_a_reload_show_the_board(page):
    page.driver.get("about:blank")
    page.driver.get(page.url + "/?theme=dark&board=check-out-co")
    shows(page, ("response_time", ["p50", "p99"], ["service"]), ("request_count", ["rate"], []))
    assert page.driver.current_url.endswith("/?theme=dark#view=board&board=check-out-co"), page.driver.current_url
    good_to_read_and_use(page, "a dark board")
    page.driver.execute_script("const one = document.querySelector('[data-panel=b1] select'); one.value = '[\"service\"]'; one.dispatchEvent(new Event('change'))")
    shows(page, ("response_time", ["p50", "p99"], ["service"]), ("request_count", ["rate"], ["service"]))
    page.open(page.driver.execute_script("return location.hash"))
    shows(page, ("response_time", ["p50", "p99"], ["service"]), ("request_count", ["rate"], ["service"]))
    page.open("#view=board&board=nobodys")
    says(page, ".empty", "There is no board")
    console_errors(page.driver)  # the 404 is meant


def nobodys_change_is_overwritten_unasked(page):
    page.open("#view=board&board=check-out-co")
    press(page, "Edit")
    _, board = stored(page, "check-out-co")
    status, _ = stored(page, "check-out-co", "PUT", {**board, "title": "Theirs"})
    assert status == 200
    title = page.driver.find_element("css selector", "main input[aria-label=Title]")
    title.clear()
    title.send_keys("Mine")
    press(page, "Save")
    says(page, "dialog[open]", "somebody else")
    good_to_read_and_use(page, "a conflict")
    page.screenshot("dashboard-board-conflict")
    press(page, "Cancel", "dialog")
    assert stored(page, "check-out-co")[1]["title"] == "Theirs"
    press(page, "Save")
    press(page, "Overwrite theirs", "dialog")
    says(page, "h1", "Mine")
    page.until("mine stored", lambda _: stored(page, "check-out-co")[1]["title"] == "Mine")
    console_errors(page.driver)  # the 412 is meant


def what_is_exported_can_be_imported(page):
    page.open("#view=board&board=check-out-co")
    with tempfile.TemporaryDirectory(prefix="weir-export-") as folder:
        page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": folder})
        press(page, "Export")
        file = pathlib.Path(folder, "check-out-co.json")
        page.until("the file", lambda _: file.exists() and file.stat().st_size)
        exported = json.loads(file.read_text())
        assert exported == stored(page, "check-out-co")[1]
        wrong = pathlib.Path(folder, "wrong.json")
        wrong.write_text(json.dumps({**exported, "panels": [{"metric": "nothing"}]}))
        keys(page, "g", "b")
        press(page, "New board …", "nav")
        page.driver.execute_script("document.querySelector('dialog input').value = 'Copy'")
        chooser = page.driver.find_element("css selector", "dialog input[type=file]")
        chooser.send_keys(str(wrong))
        press(page, "Create", "dialog")
        says(page, "dialog .problem", "panels[0].metric: there is no metric")
        page.screenshot("dashboard-board-import")
        chooser.send_keys(str(file))
        press(page, "Create", "dialog")
        shows(page, ("response_time", ["p50", "p99"], ["service"]), ("request_count", ["rate"], []))
        says(page, "h1", "Copy")
        assert stored(page, "copy")[1]["panels"] == exported["panels"]
    console_errors(page.driver)  # the 400 is meant


def what_is_shown_becomes_a_board_and_a_board_can_go(page):
    ready(page)
    shown = [panel["metric"] for panel in page.state()["panels"]]
    keys(page, "g", "b")
    press(page, "New board …", "nav")
    page.driver.execute_script("document.querySelector('dialog select').value = 'shown'; document.querySelector('dialog input').value = 'Copy'")
    press(page, "Create", "dialog")
    says(page, "dialog .problem", "already")
    press(page, "Create", "dialog")
    page.until("the overview as a board", lambda state: state["view"] == "board" and [panel["metric"] for panel in state["panels"]] == shown)
    press(page, "Delete")
    press(page, "Cancel", "dialog")
    press(page, "Delete")
    press(page, "Delete", "dialog")
    page.until("the overview", lambda state: state["view"] == "overview")
    assert stored(page, "copy")[0] == 404
    console_errors(page.driver)  # 412 and 404 are meant


ALL = [a_board_is_made_by_keyboard_and_saved, panels_are_moved_and_removed_by_keyboard, a_shared_link_and_a_reload_show_the_board,
       nobodys_change_is_overwritten_unasked, what_is_exported_can_be_imported, what_is_shown_becomes_a_board_and_a_board_can_go]

CONFIGURATION = """
    { boards: [{ name: "given", title: "Given", range: "1m", panels: [
      { metric: "request_count", agg: ["rate"], by: ["service"] }, { metric: "top_endpoints", size: "full" }] }] }
"""


def sign_in(page, token):
    page.open()
    page.until("the sign-in", lambda _: page.driver.execute_script("return !!document.querySelector('dialog.sign-in[open] input')"))
    keys(page, token, Keys.ENTER)
    page.until("charts", lambda state: any(panel["points"] for panel in state["panels"]))


def a_reader_sees_boards_and_changes_none(page):
    """Of an installation with tokens, and with a board of the configuration."""
    sign_in(page, page.token)
    keys(page, "g", "b")
    says(page, "nav .surface", "Given")
    assert not page.driver.execute_script("return document.querySelector('nav .surface').textContent.includes('New board')")
    press(page, "Given", "nav")
    page.until("the given board, over its own range", lambda state: state["range"] == "1m" and [
        panel["metric"] for panel in state["panels"]] == ["request_count", "top_endpoints"] and state["panels"][0]["points"])
    says(page, "button", "Export")
    assert not page.driver.execute_script("return [...document.querySelectorAll('button')].some((one) => one.textContent === 'Edit')")
    assert stored(page, "mine", "PUT", {"panels": []})[0] == 403
    page.screenshot("dashboard-board-given")


def an_admin_who_signed_in_saves(page):
    page.driver.delete_all_cookies()
    sign_in(page, page.admin)
    assert stored(page, "given", "PUT", {"panels": []})[0] == 409
    page.open("#view=board&board=given")
    says(page, "button", "Export")
    assert not page.driver.execute_script("return [...document.querySelectorAll('button')].some((one) => one.textContent === 'Edit')")
    new_board(page, "Of an admin")
    press(page, "Save")
    page.until("saved", lambda _: stored(page, "of-an-admin")[0] == 200)
    console_errors(page.driver)  # what was refused on the way is no fault
