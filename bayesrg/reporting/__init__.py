"""Reports: a fit, or a cohort, as one page that a reader can check, with its tables as CSV and its figures as SVG.

What draws cohorts needs no sampler, so that each name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bayesrg.reporting.cohort import combinations_plot, flow_diagram, missingness_map, oncoplot, report_cohort
    from bayesrg.reporting.feature_set import SelectionRule
    from bayesrg.reporting.writing import report

__all__ = [
    "SelectionRule",
    "combinations_plot",
    "flow_diagram",
    "missingness_map",
    "oncoplot",
    "report",
    "report_cohort",
]

_HOMES = {
    "SelectionRule": "bayesrg.reporting.feature_set",
    "combinations_plot": "bayesrg.reporting.cohort",
    "flow_diagram": "bayesrg.reporting.cohort",
    "missingness_map": "bayesrg.reporting.cohort",
    "oncoplot": "bayesrg.reporting.cohort",
    "report": "bayesrg.reporting.writing",
    "report_cohort": "bayesrg.reporting.cohort",
}


def __getattr__(name: str) -> object:
    """Return a public name, importing where it lives the first time it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; its names are {', '.join(__all__)}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
