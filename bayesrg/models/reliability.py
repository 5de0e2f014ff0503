"""Classical reliability coefficients of a stability study: the six intraclass correlations, and concordance.

A facet's levels (scanners, preprocessings, sessions) are the raters or trials of the classical papers, with all other
facets held fixed. Of the components of variance then

- *signal* differs between subjects and not between raters;
- *level* is the raters' main effect, which shifts all subjects alike (a facet that crosses subjects has one);
- *error* is the rest of what differs between raters: interactions of subject and rater, what is nested in them, and the
  residual.

Sources: Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420; McGraw & Wong 1996, doi:10.1037/1082-989X.1.1.30; Lin
1989, doi:10.2307/2532051; Barnhart, Haber & Song 2002, doi:10.1111/j.0006-341X.2002.01020.x; Carrasco & Jover 2003,
doi:10.1111/j.0006-341X.2003.00099.x.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayesrg.errors import DesignError
from bayesrg.models.layout import EFFECTS, FACETS, SESSION_NEST, Layout

# Shrout & Fleiss's name -> McGraw & Wong's.
FORMS: Mapping[str, str] = {
    "ICC(1,1)": "ICC(1)",
    "ICC(1,k)": "ICC(k)",
    "ICC(2,1)": "ICC(A,1)",
    "ICC(2,k)": "ICC(A,k)",
    "ICC(3,1)": "ICC(C,1)",
    "ICC(3,k)": "ICC(C,k)",
}
ORDERED_FACETS = ("session", "scanner", "preprocessing")
SIX_FORMS = "Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420; McGraw & Wong 1996, doi:10.1037/1082-989X.1.1.30"
CONCORDANCE = (
    "Lin 1989, doi:10.2307/2532051; Barnhart et al. 2002, doi:10.1111/j.0006-341X.2002.01020.x; Carrasco & Jover 2003, "
    "doi:10.1111/j.0006-341X.2003.00099.x"
)


@dataclass(frozen=True)
class FacetParts:
    """The components of variance by their part in comparing the levels of one facet."""

    signal: Sequence[str]
    level: Sequence[str]
    error: Sequence[str]


def facets_of(layout: Layout) -> list[str]:
    """Facets whose levels can be compared: those the design names, and `replicate` where cells were measured twice."""
    named = [facet for facet in ORDERED_FACETS if facet in layout.components]
    return named + ["replicate"] * bool(layout.data.attrs["replicated"])


def crosses_subjects(layout: Layout, facet: str) -> bool:
    """Whether all subjects share the facet's levels."""
    return facet in layout.components and "subject" not in layout.facets[facet]


def split_components(layout: Layout, facet: str, also: frozenset[str] = frozenset()) -> FacetParts:
    """Components of variance when one facet's levels are compared, the facets `also` vary, and all others are fixed.

    Raises
    ------
    DesignError
        For a facet whose levels the design does not have.
    """
    if facet not in facets_of(layout):
        raise DesignError(
            f"the design has no levels of {facet!r} to compare; it has {', '.join(facets_of(layout)) or 'no facet'}"
        )
    randomised = also | ({facet} & FACETS)
    signal, error = layout.partition(FACETS - randomised, randomised)
    level = [facet] if crosses_subjects(layout, facet) else []
    return FacetParts(signal, level, [name for name in error if name not in level])


def observed_levels(data: xr.Dataset, facet: str) -> xr.DataArray:
    """Which levels of a facet have a value: boolean over the facet, and over `feature` where there are many."""
    given = data["value"].notnull().transpose("measurement", ...)
    seen = np.zeros((data.sizes[facet], *given.shape[1:]), dtype=bool)
    np.logical_or.at(seen, data[f"{facet}_index"].values, given.values)
    dims = (facet, *given.dims[1:])
    return xr.DataArray(seen, dims=dims, coords={dim: data[dim].values for dim in dims})


def reliability_forms(posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
    """Six intraclass correlations for each facet as the raters, all other facets held fixed, draw by draw.

    With signal S, raters' main effect L, error E (see the module) and k raters:

    ===========  ==============  ===================================================================
    ICC(1,1)     ICC(1)          S / (S + L + E): each subject has raters of its own
    ICC(1,k)     ICC(k)          S / (S + (L + E) / k)
    ICC(2,1)     ICC(A,1)        S / (S + L + E): absolute agreement, the same random raters for all
    ICC(2,k)     ICC(A,k)        S / (S + (L + E) / k)
    ICC(3,1)     ICC(C,1)        S / (S + E): consistency, the raters' main effect left out
    ICC(3,k)     ICC(C,k)        S / (S + E / k)
    ===========  ==============  ===================================================================

    A facet nested in the subject (sessions of a subject, replicates) has the one-way forms alone. For a crossed facet
    the one-way forms are what would be seen if each subject had raters of its own, drawn from the same population: a
    rater's main effect then differs between the measurements of different subjects, and is error. They equal the
    agreement forms, because a population has one variance of raters; the two differ only as estimates. The one-way
    analysis of variance of a crossed table is another matter: raters that all subjects share bias its ICC(1,1)
    downwards (Shrout & Fleiss's table gives 0.17 where ICC(2,1) is 0.29), and no posterior of the two-way model
    repeats that bias.

    E contains the interaction of subject and rater, named or within the residual. ICC(3,k) counts it as error, as in
    McGraw & Wong's case 2; for raters that are themselves the universe this is right where there is no interaction
    (Shrout & Fleiss's assumption for this form), else a lower bound.

    Parameters
    ----------
    posterior : Dataset with `variance` (chain, draw, [feature], component)
    data : Dataset of `Stability.prepare`

    Returns
    -------
    Dataset with `reliability` (chain, draw, [feature], facet, form), NaN where the design does not have a form, and
    `k` (facet, [feature]), the levels averaged: those observed of a crossed facet; of a nested one the harmonic mean
    over subjects (visits: over subjects on scanners), which divides the mean error variance rightly. The coordinate
    `mcgraw_wong` names the forms as McGraw & Wong do; the attribute `absent` (JSON) says which are absent and why.

    Raises
    ------
    DesignError
        If the design has no facet and no replicates.
    """
    layout = Layout(data)
    facets = facets_of(layout)
    if not facets:
        raise DesignError("the design names no session, scanner or preprocessing and has no replicates: no raters")
    absent = {facet: _why_absent(layout, facet) for facet in ORDERED_FACETS if facet not in facets}
    by_facet, numbers = [], []
    for facet in facets:
        parts = split_components(layout, facet)
        number = _number_averaged(layout, facet)
        crossed = bool(parts.level)
        by_facet.append(_six_forms(posterior["variance"], parts, number))
        numbers.append(number)
        if not crossed:
            why = f"each subject has its own levels of {facet}, so they have no main effect to leave out or keep"
            absent |= {f"{facet}, {form}": why for form in FORMS if not form.startswith("ICC(1")}
    along = xr.IndexVariable("facet", facets)
    found = xr.Dataset({"reliability": xr.concat(by_facet, along), "k": xr.concat(numbers, along)})
    found["reliability"].attrs = {
        "unit": "1",
        "meaning": "intraclass correlation, the facet's levels being the raters and all other facets fixed",
        "reference": SIX_FORMS,
    }
    found["k"].attrs = {"unit": "1", "meaning": "levels averaged by the forms of k", "reference": SIX_FORMS}
    found = found.transpose("chain", "draw", "feature", "facet", "form", missing_dims="ignore")
    return found.assign_coords(mcgraw_wong=("form", list(FORMS.values()))).assign_attrs(absent=json.dumps(absent))


def concordance(posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
    """Concordance correlation coefficient of each facet that crosses subjects, draw by draw.

    CCC = S / (S + D + E), where D = sum_j (l_j - l_mean)^2 / (k - 1) is the spread of the k levels observed, from their
    recovered effects: they are fixed, where ICC(2,1) takes the variance of a population of levels. For two levels this
    is Lin's coefficient, for more the overall coefficient of Barnhart et al. Like Lin's it is the product of
    *precision*, S / (S + E), and *accuracy*, (S + E) / (S + D + E), which is 1 where the levels do not differ. It is a
    coefficient of the scale that was modelled: of logarithms or normal scores, where those were.

    Parameters
    ----------
    posterior : Dataset with `variance` (chain, draw, [feature], component) and the effects of the crossed facets
    data : Dataset of `Stability.prepare`

    Returns
    -------
    Dataset with `ccc`, `precision` and `accuracy` (chain, draw, [feature], facet). The attribute `absent` (JSON) says
    which facets have none and why.

    Raises
    ------
    DesignError
        If no facet crosses the subjects.
    """
    layout = Layout(data)
    crossed = [facet for facet in facets_of(layout) if crosses_subjects(layout, facet)]
    if not crossed:
        raise DesignError("no facet crosses the subjects, so there are no levels whose concordance could be known")
    found: dict[str, list[xr.DataArray]] = {"ccc": [], "precision": [], "accuracy": []}
    for facet in crossed:
        parts = split_components(layout, facet)
        signal, error = _sum(posterior["variance"], parts.signal), _sum(posterior["variance"], parts.error)
        effects, seen = posterior[EFFECTS[facet][0]], observed_levels(data, facet)
        if bool(seen.all()):  # NaN-aware variances are ten times as slow
            spread = effects.var(facet, ddof=1, skipna=False)
        else:
            spread = effects.where(seen).var(facet, ddof=1)
        found["ccc"].append(signal / (signal + spread + error))
        found["precision"].append(signal / (signal + error))
        found["accuracy"].append((signal + error) / (signal + spread + error))
    along = xr.IndexVariable("facet", crossed)
    meaning = {
        "ccc": "concordance correlation coefficient of the levels observed, all other facets fixed",
        "precision": "correlation of two levels' measurements: concordance without the levels' differences",
        "accuracy": "what the differences of the levels leave of the concordance",
    }
    dataset = xr.Dataset(
        {
            name: xr.concat(parts, along).assign_attrs(unit="1", meaning=meaning[name], reference=CONCORDANCE)
            for name, parts in found.items()
        }
    )
    absent = {facet: _why_absent(layout, facet) for facet in ORDERED_FACETS if facet not in layout.components}
    absent |= {
        facet: f"each subject has its own levels of {facet}: see ICC(1,1)"
        for facet in facets_of(layout)
        if facet not in crossed
    }
    return dataset.transpose("chain", "draw", "feature", "facet", missing_dims="ignore").assign_attrs(
        absent=json.dumps(absent)
    )


def _why_absent(layout: Layout, facet: str) -> str:
    if facet == layout.calibrated:
        return f"every {facet} has a location and a scale of its own, so agreement across them has no meaning"
    return f"no {facet} was named"


def _six_forms(variance: xr.DataArray, parts: FacetParts, number: xr.DataArray) -> xr.DataArray:
    signal, error = _sum(variance, parts.signal), _sum(variance, parts.error)
    all_error = error + _sum(variance, parts.level)
    single, average = signal / (signal + all_error), signal / (signal + all_error / number)
    if parts.level:
        two_way = [single, average, signal / (signal + error), signal / (signal + error / number)]
    else:
        two_way = [xr.full_like(single, np.nan)] * 4
    return xr.concat([single, average, *two_way], xr.IndexVariable("form", list(FORMS)))


def _number_averaged(layout: Layout, facet: str) -> xr.DataArray:
    """Levels of a facet that a mean over them has: a number, or one for each feature."""
    if crosses_subjects(layout, facet):
        return observed_levels(layout.data, facet).sum(facet).astype(float)
    named = ["subject", *(name for name in ORDERED_FACETS if name in layout.components)]
    if facet == "session":
        seen = observed_levels(layout.data, facet)
        _, first = np.unique(layout.levels(facet), return_index=True)
        within = SESSION_NEST[layout.data.attrs["session_design"]]
    else:
        seen = layout.data["value"].notnull().transpose("measurement", ...)
        first, within = np.arange(seen.shape[0]), tuple(named)
    places = np.stack([layout.levels(name)[first] for name in within])
    cell = np.unique(places, axis=1, return_inverse=True)[1].ravel()
    counts = np.zeros((int(cell.max()) + 1, *seen.shape[1:]))
    np.add.at(counts, cell, seen.values)
    reciprocal = np.divide(1.0, counts, out=np.zeros_like(counts), where=counts > 0)
    mean = (counts > 0).sum(axis=0) / reciprocal.sum(axis=0)
    dims = seen.dims[1:]
    return xr.DataArray(mean, dims=dims, coords={dim: seen[dim].values for dim in dims})


def _sum(variance: xr.DataArray, names: Sequence[str]) -> xr.DataArray:
    return variance.sel(component=list(names)).sum("component")
