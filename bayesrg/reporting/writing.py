"""`report`: a fit as one page for a reader, with its tables and figures as files beside it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from bayesrg.files import replace_atomically
from bayesrg.models import Association, MultiRegion, Stability, model_of
from bayesrg.models.pooled_stability import PooledStability
from bayesrg.reporting import association, feature_set, multi_region, stability
from bayesrg.reporting.blocks import Figure, Page, Table
from bayesrg.reporting.feature_set import SelectionRule
from bayesrg.reporting.fitted import Fitted
from bayesrg.reporting.page import render

# A model's report is a function: a fit and whether to name subjects -> the fit with hidden labels, and its page.
PAGES: Mapping[type, Callable[[Fitted, bool], tuple[Fitted, Page]]] = {
    Association: association.compose,
    MultiRegion: multi_region.compose,
    Stability: stability.compose,
}
# The same for a fit of many features, which also takes the rule by which features are kept.
PAGES_OF_MANY: Mapping[type, Callable[[Fitted, bool, SelectionRule], tuple[Fitted, Page]]] = {
    Stability: feature_set.compose,
    PooledStability: feature_set.compose,
}


def report(
    tree: xr.DataTree,
    path: str | Path,
    *,
    model: Any = None,
    show_subjects: bool = False,
    rule: SelectionRule | None = None,
) -> Path:
    """Write a fit's report and return its path.

    The page is one HTML file that needs no network: verdict, question, model, data, priors, results, checks, a
    methods paragraph and the exact versions. Its tables (CSV) and figures (SVG) are also written to the folder
    ``<stem>_files`` beside it. The same fit gives the same bytes. Each file appears whole, the page last.

    Parameters
    ----------
    tree : DataTree of `bayesrg.fit`, or of `bayesrg.load`
    path : of the page, such as ``stability.html``
    model : the model of the fit; None rebuilds it from the fit's provenance
    show_subjects : whether labels of subjects (of patients), and of their sessions, may stand in the page and its files
    rule : of a fit of many features, by which of them are kept; None keeps those whose ICCs of repeatability,
        reproducibility and robustness all exceed the fit's first threshold with a probability of 0.8

    Raises
    ------
    TypeError
        For a model that has no report, or a rule for a fit of one feature.
    FitError
        If the tree is not a fit, or was made with a class that this version does not know.
    """
    made_with = model_of(tree) if model is None else model
    # A multi-region fit has many features and is one fit of them all.
    jointly = isinstance(made_with, MultiRegion)
    many = not jointly and "constant_data" in tree.children and "feature" in tree["constant_data"].sizes
    pages: Mapping[type, Any] = PAGES_OF_MANY if many else PAGES
    if type(made_with) not in pages:
        known = ", ".join(cls.__name__ for cls in pages)
        raise TypeError(f"there is no report for a {type(made_with).__name__}; there is one for {known}")
    if many:
        fit, page = pages[type(made_with)](Fitted(tree, made_with), show_subjects, rule or SelectionRule())
    elif rule is not None:
        raise TypeError("a rule selects among many features; this fit has one")
    else:
        fit, page = pages[type(made_with)](Fitted(tree, made_with), show_subjects)
    return write_page(page, Path(path), verdict=f"{fit.verdict}.", mark=fit.mark)


def write_page(page: Page, target: Path, *, verdict: str, mark: str = "", judged: bool = True) -> Path:
    """Write a page, and its tables and figures to the folder ``<stem>_files`` beside it, and return its path.

    Each file appears whole, the page last. `verdict`, `mark` and `judged` are as in `bayesrg.reporting.page.render`.
    """
    folder = target.parent / f"{target.stem}_files"
    for table in page.of_kind(Table):
        _write(folder / f"{table.name}.csv", table.csv)
        if table.json:
            _write(folder / f"{table.name}.json", table.json)
    for figure in page.of_kind(Figure):
        _write(folder / f"{figure.name}.svg", f'<?xml version="1.0" encoding="utf-8"?>\n{figure.svg}')
    _write(target, render(page, verdict=verdict, mark=mark, folder=folder.name, judged=judged))
    return target


def _write(target: Path, text: str) -> None:
    with replace_atomically(target) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
