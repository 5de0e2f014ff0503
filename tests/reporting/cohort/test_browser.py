"""The cohort's page in a real browser, on a desk and on a telephone."""

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

pytestmark = pytest.mark.browser
WIDTHS = (1280, 390)
BEYOND = """
const own = ".scroll, .skip, svg, .unseen";
return [...document.querySelectorAll("body *")]
  .filter(e => !e.closest(own) && e.getBoundingClientRect().right > arguments[0] + 0.5)
  .map(e => e.outerHTML.slice(0, 80));
"""
# Words of a figure that cover one another or leave it; the page's own font is what counts.
COLLISIONS = """
const wrong = [];
for (const svg of document.querySelectorAll("figure svg")) {
  const frame = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect()]);
  boxes.forEach(([one, a], i) => {
    if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1 || a.bottom > frame.bottom + 1)
      wrong.push(one + " leaves its figure");
    for (const [other, b] of boxes.slice(i + 1)) {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 2 && down > 4) wrong.push(one + " | " + other);
    }
  });
}
return wrong;
"""


def show(browser: Chrome, page, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.as_uri())
    assert browser.execute_script("return innerWidth") == width


def test_the_page_fits_its_window_and_no_word_covers_another(browser, written):
    for path in written.values():
        for width in WIDTHS:
            show(browser, path, width)
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width
            assert browser.execute_script(BEYOND, width) == []
            assert browser.get_log("browser") == []
            assert browser.title == "Cohort"
        show(browser, path, WIDTHS[0])
        assert browser.execute_script(COLLISIONS) == []
        figures = browser.find_elements(By.CSS_SELECTOR, "figure svg")
        assert len(figures) == 3
        assert all(figure.size["width"] > 500 and figure.size["height"] > 60 for figure in figures)


def test_missing_values_can_be_searched(browser, written):
    show(browser, written["hidden"], 1280)
    place = browser.find_element(By.ID, "table-missing-variables")
    place.find_element(By.CSS_SELECTOR, "input").send_keys("volume")
    rows = [row.text for row in place.find_elements(By.CSS_SELECTOR, "tbody tr") if row.is_displayed()]
    assert [row.split()[0] for row in rows] == ["volume"]
