"""What every test shares: which tests are selected, the hypothesis profiles, and a headless browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from selenium import webdriver

settings.register_profile("fast", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile("fast")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_BROWSER = (
    "page tests NOT SELECTED: no chromium with chromedriver on this machine. "
    "Install them (Debian: apt-get install chromium chromium-driver), or require them with --browser."
)
CHROMIUM_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bayesrg")
    group.addoption("--runslow", action="store_true", help="also run the tests that take minutes (full calibration)")
    group.addoption(
        "--browser",
        action="store_true",
        help="require the page tests: without chromium they fail (CI=true implies it)",
    )


def browser_paths() -> tuple[str, str] | None:
    """Return the paths of a chromium and its driver, or None where either is missing."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


def browser_required(config: pytest.Config) -> bool:
    return config.getoption("--browser") or os.environ.get("CI", "").lower() not in {"", "0", "false"}


def page_tests_left_out(config: pytest.Config) -> bool:
    return not browser_required(config) and browser_paths() is None


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [NO_BROWSER] if page_tests_left_out(config) else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if page_tests_left_out(config):
        terminalreporter.section("page tests", yellow=True)
        terminalreporter.line(NO_BROWSER, yellow=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what was not asked for: a deselected test is counted in the last line, and never reported as passed."""
    unwanted = set()
    if not config.getoption("--runslow"):
        unwanted.add("slow")
    if page_tests_left_out(config):
        unwanted.add("browser")
    left_out = [item for item in items if unwanted & {mark.name for mark in item.iter_markers()}]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not unwanted & {mark.name for mark in item.iter_markers()}]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """A headless chromium with an empty profile that keeps its console for ``get_log("browser")``."""
    paths = browser_paths()
    if paths is None:
        pytest.fail(
            "this test looks at a page: install chromium and its driver (apt-get install chromium chromium-driver)"
        )
    executable, driver = paths
    options = webdriver.ChromeOptions()
    options.binary_location = executable
    for flag in (*CHROMIUM_FLAGS, f"--user-data-dir={tmp_path / 'chromium'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    try:
        yield chrome
    finally:
        chrome.quit()
