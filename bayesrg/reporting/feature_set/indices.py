"""Six intraclass correlations of Shrout and Fleiss and the concordance correlation, of every feature."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr
from markupsafe import Markup

from bayesrg.inference.provenance import read_json
from bayesrg.models.reliability import FORMS, concordance, crosses_subjects, facets_of, reliability_forms
from bayesrg.reporting.blocks import Column, Table, enumerate_words
from bayesrg.reporting.feature_set.derived import PARTS, Derived, chosen_places, summarise
from bayesrg.reporting.feature_set.study import FeatureSet

ONE_WAY = ("ICC(1,1)", "ICC(1,k)")
# Of a facet that crosses subjects, the posteriors of the one-way forms are those of the agreement forms.
SAME_AS: Mapping[str, str] = {"ICC(2,1)": "ICC(1,1)", "ICC(2,k)": "ICC(1,k)"}
CCC = "CCC"
SINGLE = ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", CCC)


@dataclass(frozen=True)
class Indices:
    """The indices of all features.

    Parameters
    ----------
    study : a fit whose design has a facet, or replicates
    """

    study: FeatureSet

    @cached_property
    def facets(self) -> list[str]:
        """Facets whose levels are the raters."""
        return facets_of(self.study.layout)

    def crossed(self, facet: str) -> bool:
        """Whether all subjects share the facet's levels."""
        return crosses_subjects(self.study.layout, facet)

    def names(self, facet: str) -> list[str]:
        """The indices that a facet has."""
        return [*FORMS, CCC] if self.crossed(facet) else list(ONE_WAY)

    @cached_property
    def all(self) -> dict[tuple[str, str], Derived]:
        """By facet and index."""
        found = summarise(self.study, self._derive)
        return {
            (facet, name): found[_key(facet, SAME_AS.get(name, name))]
            for facet in self.facets
            for name in self.names(facet)
        }

    @cached_property
    def numbers(self) -> xr.DataArray:
        """Levels that the forms of k average (facet, feature), features in the order of the fit."""
        return self._about_first["k"].sel(feature=self.study.features).transpose("facet", "feature")

    @cached_property
    def absent(self) -> dict[str, str]:
        """What is not there, and why."""
        reasons: dict[tuple[str, str], list[str]] = {}
        for name, why in read_json(self._about_first.attrs, "absent").items():
            facet, _, form = name.partition(", ")
            reasons.setdefault((facet, why), []).append(form or "All indices")
        found = {f"{enumerate_words(forms)} of the {facet}": why for (facet, why), forms in reasons.items()}
        nested = [facet for facet in self.facets if not self.crossed(facet)]
        if nested:
            name = f"{CCC} of the {enumerate_words(nested)}"
            found[name] = "concordance is of levels that all subjects share"
        return found

    @cached_property
    def _about_first(self) -> xr.Dataset:
        """The forms in the first draw alone: what is absent and how many levels are averaged is the same in all."""
        posterior = self.study.fit.tree["posterior"].to_dataset()
        return reliability_forms(posterior.isel(chain=[0], draw=[0]), self.study.fit.data)

    def _derive(self, posterior: xr.Dataset, data: xr.Dataset) -> dict[str, xr.DataArray]:
        forms = reliability_forms(posterior, data)["reliability"]
        found = {
            _key(facet, name): forms.sel(facet=facet, form=name)
            for facet in self.facets
            for name in self.names(facet)
            if name != CCC and name not in SAME_AS
        }
        if any(map(self.crossed, self.facets)):
            for facet, own in concordance(posterior, data)["ccc"].groupby("facet"):
                found[_key(str(facet), CCC)] = own.squeeze("facet")
        return found


def _key(facet: str, name: str) -> str:
    return f"{facet} {name}"


def index_table(indices: Indices) -> Table:
    """All indices of the features that rank first, in the middle and last."""
    study = indices.study
    places = chosen_places(study)
    rows = [(facet, name) for facet in indices.facets for name in indices.names(facet)]
    frame = pd.DataFrame(
        [
            {
                "facet": facet,
                "index": name,
                "mcgraw_wong": FORMS.get(name, ""),
                "feature": study.features[number],
                "k": float(indices.numbers.sel(facet=facet)[number]),
                **{part: getattr(indices.all[facet, name], part)[number] for part in PARTS},
            }
            for number in places
            for facet, name in rows
        ]
    ).set_index("feature")
    columns = [
        Column("Raters", [facet for facet, _ in rows], numeric=False),
        Column("Index", [name for _, name in rows], numeric=False),
        Column("McGraw & Wong", [FORMS.get(name, "–") for _, name in rows], numeric=False),
    ]
    for number in places:
        cells = [indices.all[row].shown_with_interval(number, "icc") for row in rows]
        columns.append(Column(_heading(study, number), cells))
    return Table(
        "agreement_indices",
        "Agreement indices: posterior medians and 95 % equal-tailed intervals of the "
        + (f"{len(places)} features" if len(places) > 1 else "feature")
        + (" that rank first, in the middle and last by the overall ICC." if len(places) > 2 else "."),
        columns,
        frame,
        notes=f"k, the number of levels averaged: {_numbers(indices)}." + _same(indices),
    )


def _heading(study: FeatureSet, number: int) -> Markup:
    place = int(np.flatnonzero(study.order == number)[0]) + 1
    return Markup("{}<br>rank {:,} of {:,}").format(study.named(number), place, study.n_features)


def _same(indices: Indices) -> str:
    if not any(map(indices.crossed, indices.facets)):
        return ""
    return (
        " For raters that all subjects share, ICC(1,·) and ICC(2,·) have the same posterior: they differ only as "
        "estimates by analysis of variance."
    )


def _numbers(indices: Indices) -> str:
    said = []
    for facet in indices.facets:
        own = indices.numbers.sel(facet=facet).values
        low, high = float(own.min()), float(own.max())
        said.append(f"{facet} {low:.3g}" if f"{low:.3g}" == f"{high:.3g}" else f"{facet} {low:.3g} to {high:.3g}")
    return ", ".join(said)


def all_indices_table(indices: Indices) -> Table:
    """The indices of single measurements of every feature, to be searched."""
    study = indices.study
    order = study.order
    frame = pd.DataFrame({"family": study.families}, index=pd.Index(study.features, name="feature"))
    for facet in indices.facets:
        frame[f"{facet}_k"] = indices.numbers.sel(facet=facet).values
    wide = {
        f"{facet}_{name}_{part}": getattr(own, part) for (facet, name), own in indices.all.items() for part in PARTS
    }
    frame = pd.concat([frame, pd.DataFrame(wide, index=frame.index)], axis=1)
    columns = [Column("Feature", [study.named(number) for number in order], numeric=False)]
    for (facet, name), own in indices.all.items():
        if name in SINGLE and not (indices.crossed(facet) and name in ONE_WAY):
            cells = [own.shown(number, "icc") for number in order]
            columns.append(Column(f"{facet.capitalize()} {name}", cells, order=list(own.median[order])))
    return Table(
        "agreement_by_feature",
        "Agreement indices of single measurements of every feature: posterior medians.",
        columns,
        pd.DataFrame(frame.iloc[order]),
        notes="The CSV file has all indices with their 95 % intervals, and k.",
        searchable=True,
    )
