"""One classical result, and what a library says while it makes one."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

NOTHING = float("nan")


@dataclass(frozen=True)
class Row:
    """One test of one term: the columns of `classical_companions`.

    Parameters
    ----------
    term, test, quantity : what is tested, how, and what the estimate is
    step : what the predictor moves by, "sd" or "unit"; empty where the quantity is no effect of a step
    estimate, lower, upper, statistic, p_value : NaN where the test has none
    library : name, version and function
    note : what a reader must know; empty if nothing
    """

    term: str
    test: str
    quantity: str
    step: str = ""
    estimate: float = NOTHING
    lower: float = NOTHING
    upper: float = NOTHING
    statistic: float = NOTHING
    p_value: float = NOTHING
    library: str = ""
    note: str = ""


@dataclass(frozen=True)
class Attempt:
    """What a library returned (None if it gave up), and what it said in doing so."""

    result: Any
    note: str

    def quiet(self, separated: bool) -> "Attempt":
        """Without its note where the outcome is known to be separated: the reader is told so in better words."""
        return Attempt(self.result, "") if separated else self


def tabulate(rows: Iterable[Row], terms: Iterable[str]) -> pd.DataFrame:
    """Rows as a table, those of a term together, in the order of the terms; other names follow."""
    table = pd.DataFrame([asdict(row) for row in rows], columns=[field.name for field in fields(Row)])
    order = {term: place for place, term in enumerate(dict.fromkeys([*terms, *table["term"]]))}
    return table.sort_values("term", key=lambda column: column.map(order), kind="stable", ignore_index=True)


def library(name: str, function: str) -> str:
    """Name, version and function of a library, such as "scipy 1.18.1 mannwhitneyu"."""
    return f"{name} {version(name)} {function}"


def join(*notes: str) -> str:
    """Notes in one line, each once, empty ones left out."""
    return "; ".join(dict.fromkeys(note for note in notes if note))


def attempt(call: Callable[[], Any], *, complaint: type[Warning] = RuntimeWarning) -> Attempt:
    """Call a library; its numerical complaints become a note, any other error or warning goes its way.

    Parameters
    ----------
    call : of the library
    complaint : a further kind of warning that is to become a note
    """
    from statsmodels.tools.sm_exceptions import ModelWarning, PerfectSeparationError

    told = (ModelWarning, RuntimeWarning, complaint)
    result, reasons = None, []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call()
        except np.linalg.LinAlgError as error:
            reasons.append(f"no estimate: {str(error).lower()}")
        except PerfectSeparationError:
            reasons.append("no estimate: perfect separation")
    for warning in caught:
        if not issubclass(warning.category, told):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
            continue
        reasons.append(_gist(warning))
    return Attempt(result, join(*reasons))


GISTS: Mapping[str, str] = {
    "ConvergenceWarning": "the fit did not converge",
    "IterationLimitWarning": "the fit did not converge",
    "HessianInversionWarning": "singular Hessian",
    "PerfectSeparationWarning": "perfect separation or prediction",
}


def _gist(warning: warnings.WarningMessage) -> str:
    # Overflows and logarithms of zero on the way to a maximum are of no interest once it is reached, and what is not
    # reached says so by itself.
    if issubclass(warning.category, RuntimeWarning) and " encountered in " in str(warning.message):
        return ""
    return GISTS.get(warning.category.__name__, str(warning.message).split(". ")[0].rstrip("."))
