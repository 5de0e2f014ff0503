"""``import bayesrg`` is light, and every public name is there when it is asked for."""

import subprocess
import sys
import time

import pytest

import bayesrg

HEAVY = ("pymc", "pytensor", "arviz", "nutpie", "numba", "SimpleITK", "matplotlib", "dask", "pandas", "xarray", "scipy")
BUDGET_SECONDS = 0.3


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def best_seconds(code: str, *, repeats: int = 5) -> float:
    """Return the shortest wall time of several fresh interpreters: load on the machine only ever adds to it."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run_python(code)
        times.append(time.perf_counter() - start)
    return min(times)


def test_import_loads_nothing_heavy():
    loaded = run_python("import sys, bayesrg; print(*sys.modules)").split()
    assert "bayesrg" in loaded
    assert sorted(set(HEAVY) & set(loaded)) == []


def test_completion_loads_nothing_heavy():
    loaded = run_python("import sys, bayesrg; dir(bayesrg); print(*sys.modules)").split()
    assert sorted(set(HEAVY) & set(loaded)) == []


def test_import_is_fast():
    assert best_seconds("import bayesrg") - best_seconds("pass") < BUDGET_SECONDS


def test_every_public_name_is_found_and_listed():
    for name in bayesrg.__all__:
        assert getattr(bayesrg, name) is not None
        assert name in dir(bayesrg)


@pytest.mark.parametrize("before", ["", "import bayesrg.reporting; "])
def test_report_is_the_function(before: str):
    assert run_python(f"{before}from bayesrg import report; print(callable(report), report.__name__)").split() == [
        "True",
        "report",
    ]


def test_unknown_name_names_the_public_ones():
    with pytest.raises(AttributeError, match=r"no attribute 'fitt'.*fit"):
        _ = bayesrg.fitt
