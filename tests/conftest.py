"""What every test shares: which tests are selected, the hypothesis profiles, a command line, and a headless browser."""

import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings
from selenium import webdriver

from bayesrg import datasets
from bayesrg.cli import main
from bayesrg.errors import FitError

settings.register_profile("fast", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile("fast")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# What some tests need from the machine -> what to say, at the beginning and the end, where it is not there.
NEEDS = {
    "browser": (
        "page tests NOT SELECTED: no chromium with chromedriver on this machine. "
        "Install them (Debian: apt-get install chromium chromium-driver), or require them with --browser."
    ),
    "data": (
        "tests on public data NOT SELECTED: no data folder on this machine. Set BAYESRG_DATA to it (see README.md, "
        "Data and licences), or require them with --data."
    ),
}
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
    for need in NEEDS:
        group.addoption(f"--{need}", action="store_true", help=f"fail, not leave out, where {need} is missing")


def browser_paths() -> tuple[str, str] | None:
    """Return the paths of a chromium and its driver, or None where either is missing."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


def left_out(config: pytest.Config) -> list[str]:
    """Return the needs that this machine does not meet and that were not required."""
    met = {"browser": browser_paths() is not None, "data": datasets.folder() is not None}
    # CI installs a browser; data without a licence it cannot fetch, so a machine that has none says so and goes on.
    required = set() if os.environ.get("CI", "").lower() in {"", "0", "false"} else {"browser"}
    return [need for need in NEEDS if not met[need] and need not in required and not config.getoption(f"--{need}")]


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [NEEDS[need] for need in left_out(config)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for need in left_out(config):
        terminalreporter.section("not selected", yellow=True)
        terminalreporter.line(NEEDS[need], yellow=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what was not asked for: a deselected test is counted in the last line, and never reported as passed."""
    unwanted = {*left_out(config), *(() if config.getoption("--runslow") else ("slow",))}
    marks = {item: {mark.name for mark in item.iter_markers()} for item in items}
    dropped = [item for item in items if unwanted & marks[item]]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if not unwanted & marks[item]]


@pytest.fixture(scope="session")
def run() -> Callable[[str], SimpleNamespace]:
    """Run a command line and return its exit code, standard output and standard error."""

    def run_command(line: str) -> SimpleNamespace:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = main(shlex.split(line))
            except SystemExit as stopped:
                code = int(stopped.code or 0)
        return SimpleNamespace(code=code, out=out.getvalue(), err=err.getvalue())

    return run_command


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Model, data and options as they reach the sampler, which is not run."""
    from bayesrg import inference

    given = SimpleNamespace()

    def note(model, data, **sampling):
        vars(given).update(model=model, data=data, sampling=sampling)
        raise FitError("noted")

    monkeypatch.setattr(inference, "fit", note)
    return given


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
