"""The page in a real browser, as a reader has it on a desk, on a telephone and on paper."""

import base64
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.browser
WIDTHS = (1280, 390)
# Elements that reach beyond the window, but for what scrolls in its own place.
BEYOND = """
const own = ".scroll, .formula, .skip, svg, .unseen";
return [...document.querySelectorAll("body *")]
  .filter(e => !e.closest(own) && e.getBoundingClientRect().right > arguments[0] + 0.5)
  .map(e => e.outerHTML.slice(0, 80));
"""
# Labels that cover one another, or reach out of their figure.
COLLISIONS = """
const wrong = [];
for (const svg of document.querySelectorAll("figure svg")) {
  const frame = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect()]);
  boxes.forEach(([one, a], i) => {
    const inside = a.left > frame.left - 1 && a.right < frame.right + 1 && a.top > frame.top - 1;
    if (!inside || a.bottom > frame.bottom + 1) wrong.push(one + " leaves its figure");
    for (const [other, b] of boxes.slice(i + 1)) {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 2 && down > 4) wrong.push(one + " | " + other);
    }
  });
}
return wrong;
"""
WIDE = """
return [...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth).map(e => e.tabIndex);
"""


def show(browser: Chrome, page: Path, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.as_uri())
    assert browser.execute_script("return innerWidth") == width


@pytest.mark.parametrize("name", ["full", "log", "rank_normal", "failed"])
def test_the_page_fits_its_window_and_reports_no_error(browser, written, pages, name):
    for width in WIDTHS:
        show(browser, written[name], width)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert browser.execute_script(BEYOND, width) == []
        figures = browser.find_elements(By.CSS_SELECTOR, "figure svg")
        assert len(figures) == len(pages[name].all("figure"))
        for figure in figures:
            assert figure.is_displayed()
            assert figure.size["width"] >= min(340, width - 50)
            assert figure.size["height"] > 60
        assert browser.get_log("browser") == []
        assert browser.title == pages[name].one("head").one("title").words


@pytest.mark.parametrize("name", ["full", "failed"])
def test_no_label_of_a_figure_covers_another_or_leaves_its_figure(browser, written, name):
    show(browser, written[name], 1280)
    assert browser.execute_script(COLLISIONS) == []


@pytest.mark.parametrize("name", ["many", "alone", "spoiled"])
def test_the_page_of_many_features_fits_its_window(browser, many_written, many_pages, name):
    for width in WIDTHS:
        show(browser, many_written[name], width)
        browser.execute_script("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert browser.execute_script(BEYOND, width) == []
        figures = browser.find_elements(By.CSS_SELECTOR, "figure svg")
        assert len(figures) == len(many_pages[name].all("figure"))
        assert all(figure.is_displayed() and figure.size["height"] > 60 for figure in figures)
        assert browser.get_log("browser") == []
    show(browser, many_written[name], 1280)
    browser.execute_script("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert browser.execute_script(COLLISIONS) == []


def test_a_long_table_can_be_searched_and_sorted(browser, many_written, many_pages):
    show(browser, many_written["many"], 1280)
    place = browser.find_element(By.ID, "table-icc")
    rows = len(many_pages["many"].one("div", id="table-icc").all("tr")) - 1
    place.find_element(By.CSS_SELECTOR, "input").send_keys("HISTO entropy")
    shown = [row for row in place.find_elements(By.CSS_SELECTOR, "tbody tr") if row.is_displayed()]
    assert [row.text.split()[0] for row in shown] == ["histogram_entropy"]
    assert place.find_element(By.CSS_SELECTOR, "[role=status]").text == f"1 of {rows} rows"
    place.find_element(By.CSS_SELECTOR, "input").send_keys(Keys.CONTROL, "a")
    place.find_element(By.CSS_SELECTOR, "input").send_keys(Keys.DELETE)
    heads = place.find_elements(By.CSS_SELECTOR, "thead th")
    by_icc = "return [...document.querySelectorAll('#table-icc tbody tr')].map(row => Number(row.cells[2].dataset.key))"
    heads[2].find_element(By.CSS_SELECTOR, "button").click()
    falling = browser.execute_script(by_icc)
    assert falling == sorted(falling, reverse=True)
    assert heads[2].get_attribute("aria-sort") == "descending"
    heads[2].find_element(By.CSS_SELECTOR, "button").click()
    assert browser.execute_script(by_icc) == falling[::-1]
    heads[0].find_element(By.CSS_SELECTOR, "button").click()
    names = browser.execute_script(
        "return [...document.querySelectorAll('#table-icc tbody th')].map(cell => cell.textContent)"
    )
    assert names == sorted(names)
    assert len(names) == rows
    assert browser.get_log("browser") == []


def test_the_lists_of_features_can_be_copied(browser, many_written):
    show(browser, many_written["many"], 1280)
    button = browser.find_element(By.CSS_SELECTOR, "button[data-copies=selection-text]")
    button.click()
    status = button.find_element(By.XPATH, "..").find_element(By.CSS_SELECTOR, "[role=status]")
    WebDriverWait(browser, 5).until(lambda _: status.text)
    assert status.text in {"Copied.", "Selected: press Ctrl+C (or ⌘C) to copy."}


def test_the_page_of_many_features_prints(browser, many_written):
    show(browser, many_written["many"], 1280)
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
    pdf = base64.b64decode(printed["data"])
    assert 8 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 30


def test_nothing_in_the_data_runs(browser, written, pages, hostile):
    show(browser, written["full"], 1280)
    assert browser.title == f"Stability of {hostile['feature']}"
    assert browser.find_elements(By.CSS_SELECTOR, "h1 b, h1 u, svg script, td script") == []


def test_the_methods_text_can_be_copied_without_a_network(browser, written, pages):
    show(browser, written["full"], 1280)
    browser.find_element(By.CSS_SELECTOR, "button[data-copies]").click()
    status = browser.find_element(By.CSS_SELECTOR, "[role=status]")
    copied = browser.execute_async_script(
        "const done = arguments[0]; const wait = () => document.querySelector('[role=status]').textContent "
        "? done(true) : setTimeout(wait, 20); wait();"
    )
    assert copied
    assert status.text in {"Copied.", "Selected: press Ctrl+C (or ⌘C) to copy."}
    assert browser.get_log("browser") == []


def test_the_keyboard_reaches_wide_tables(browser, written):
    show(browser, written["full"], 390)
    wide = browser.execute_script(WIDE)
    assert wide
    assert set(wide) == {0}


@pytest.mark.parametrize("name", ["full", "failed"])
def test_the_page_prints(browser, written, name):
    show(browser, written[name], 1280)
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
    pdf = base64.b64decode(printed["data"])
    assert pdf.startswith(b"%PDF-")
    assert 8 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 25
    assert browser.get_log("browser") == []
