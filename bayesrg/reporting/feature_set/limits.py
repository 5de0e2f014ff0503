"""Bland and Altman's limits of agreement of every feature, in its own unit."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr
from markupsafe import Markup

from bayesrg.errors import FitError
from bayesrg.models.limits_of_agreement import bland_altman
from bayesrg.models.reliability import crosses_subjects, facets_of
from bayesrg.reporting.blocks import Column, Table
from bayesrg.reporting.feature_set.derived import PARTS, Derived, chosen_places, summarise
from bayesrg.reporting.feature_set.study import FeatureSet

MOST_LEVELS = 3  # of a facet that all subjects share: more make too many pairs for a page
OWN_LEVELS = "Two levels of a subject’s own have no order, so their bias is zero by definition. "
UNSEEN = "A dash marks levels at which a feature was not measured. "
MEASURES = {"bias": "Bias", "lower": "Lower limit", "upper": "Upper limit"}


@dataclass(frozen=True)
class Comparison:
    """Two levels of a facet: the first less the second; two of a subject's own have no labels."""

    facet: str
    first: str
    second: str
    labelled: bool

    @property
    def words(self) -> str:
        """The comparison as a table says it."""
        return f"{self.facet}: {self.first} − {self.second}" if self.labelled else f"two {self.facet}s of a subject"


@dataclass(frozen=True)
class Limits:
    """The limits of agreement of all features.

    Parameters
    ----------
    study : a fit whose design has a facet, or replicates
    """

    study: FeatureSet

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Pairs of levels: of the facets that have few enough of them."""
        found = []
        for facet in self._compared:
            pairs = bland_altman(*self._first, facet)
            labelled = crosses_subjects(self.study.layout, facet)
            for first, second in zip(pairs["first"].values, pairs["second"].values, strict=True):
                found.append(Comparison(facet, str(first), str(second), labelled))
        return found

    @cached_property
    def all(self) -> list[dict[str, Derived]]:
        """`bias`, `lower` and `upper` of each comparison."""
        found = summarise(self.study, self._derive)
        return [{name: found[f"{place} {name}"] for name in MEASURES} for place in range(len(self.comparisons))]

    @cached_property
    def absent(self) -> dict[str, str]:
        """What is not there, and why."""
        if self._refused:
            return {"Limits of agreement": self._refused}
        found = {}
        for facet in facets_of(self.study.layout):
            if facet not in self._compared:
                number = self.study.fit.data.sizes[facet]
                found[f"Limits of agreement of the {facet}"] = (
                    f"its {number} levels make {number * (number - 1) // 2} pairs, any of which "
                    "bayesrg.models.bland_altman compares"
                )
        return found

    @property
    def logarithmic(self) -> bool:
        """Whether limits are of ratios, in per cent."""
        return self.study.fit.data.attrs["transformation"] == "log"

    @cached_property
    def _first(self) -> tuple[xr.Dataset, xr.Dataset]:
        """One draw of one feature, and its data: what can be compared is the same in all."""
        one = self.study.features[:1]
        posterior = self.study.fit.tree["posterior"].to_dataset().isel(chain=[0], draw=[0])
        return posterior.sel(feature=one), self.study.fit.data.sel(feature=one)

    @cached_property
    def _refused(self) -> str:
        """Why features of this fit have no unit in which two measurements could differ; empty where they have one."""
        try:
            bland_altman(*self._first, facets_of(self.study.layout)[0])
        except FitError as error:
            return str(error)
        return ""

    @property
    def _compared(self) -> list[str]:
        if self._refused:
            return []
        layout, sizes = self.study.layout, self.study.fit.data.sizes
        return [
            facet for facet in facets_of(layout) if not crosses_subjects(layout, facet) or sizes[facet] <= MOST_LEVELS
        ]

    def _derive(self, posterior: xr.Dataset, data: xr.Dataset) -> dict[str, xr.DataArray]:
        pairs = [own.isel(pair=place) for own in self._pairs(posterior, data) for place in range(own.sizes["pair"])]
        return {f"{place} {name}": own[name] for place, own in enumerate(pairs) for name in MEASURES}

    def _pairs(self, posterior: xr.Dataset, data: xr.Dataset) -> list[xr.Dataset]:
        return [bland_altman(posterior, data, facet) for facet in self._compared]


def limits_table(limits: Limits) -> Table:
    """Limits of agreement of the features that rank first, in the middle and last, and of all in the file."""
    study = limits.study
    rows = [(number, place) for number in chosen_places(study) for place in range(len(limits.comparisons))]
    units = {number: "%" if limits.logarithmic else str(study.units[number]) for number, _ in rows}
    columns = [
        Column("Feature", [study.named(number) for number, _ in rows], numeric=False),
        Column("Compared", [limits.comparisons[place].words for _, place in rows], numeric=False),
    ]
    if any(units.values()):
        columns.append(Column("Unit", [units[number] for number, _ in rows], numeric=False))
    for name, heading in MEASURES.items():
        cells = [_on_two_lines(limits.all[place][name].shown_with_interval(number)) for number, place in rows]
        columns.append(Column(heading, cells))
    notes = "" if all(one.labelled for one in limits.comparisons) else OWN_LEVELS
    if any(np.isnan(limits.all[place]["bias"].median[number]) for number, place in rows):
        notes += UNSEEN
    what = "ratio of the two measurements less one, in %" if limits.logarithmic else "difference of the two"
    return Table(
        "limits_of_agreement",
        f"Limits of agreement ({what}): posterior medians and 95 % equal-tailed intervals of the same features.",
        columns,
        _by_feature(limits),
        notes=f"{notes}The CSV file has every feature.",
    )


def _on_two_lines(shown: str) -> Markup:
    """The interval beneath its median: three of them in a row are too wide for a page."""
    median, bracket, rest = shown.partition("(")
    return Markup("{}<br>{}{}").format(median, bracket, rest) if bracket else Markup("{}").format(median)


def _by_feature(limits: Limits) -> pd.DataFrame:
    """A row for each feature and comparison, features ranked."""
    study = limits.study
    order = study.order
    parts = []
    for one, found in zip(limits.comparisons, limits.all, strict=True):
        columns = {f"{name}_{part}": getattr(found[name], part)[order] for name in MEASURES for part in PARTS}
        unit = ["%"] * order.size if limits.logarithmic else study.units[order]
        about = {"facet": one.facet, "first": one.first, "second": one.second, "unit": unit}
        parts.append(pd.DataFrame({**about, **columns}, index=pd.Index(study.features[order], name="feature")))
    return pd.concat(parts)
