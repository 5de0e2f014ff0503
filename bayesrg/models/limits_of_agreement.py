"""Bland & Altman's bias and limits of agreement between levels of a facet, with their posterior.

Two measurements of one subject under two levels differ by the difference of the levels' effects (the bias) and by all
components that the two measurements do not share: the sd of the difference is the root of twice their sum, and 95 % of
differences lie within bias ± 1.96 of these sds (Bland & Altman 1999, doi:10.1177/096228029900800204).
"""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.design import number_within
from bayesrg.errors import DesignError, FitError, TableError
from bayesrg.models.layout import EFFECTS, SESSION_NEST, Layout
from bayesrg.models.reliability import ORDERED_FACETS, crosses_subjects, observed_levels, split_components
from bayesrg.variables import OWN_UNIT

REFERENCE = "Bland & Altman 1999, doi:10.1177/096228029900800204"
LIMIT = 1.96


def bland_altman(
    posterior: xr.Dataset,
    data: xr.Dataset,
    facet: str,
    levels: Sequence[str] | None = None,
    *,
    another_session: bool = False,
) -> xr.Dataset:
    """Bias and 95 % limits of agreement between pairs of levels of a facet, draw by draw, in the feature's units.

    On the log scale they are of the ratio of the two measurements, as percentages: 100 (ratio - 1).

    Parameters
    ----------
    posterior : Dataset with `variance` (chain, draw, [feature], component) and the effects of the crossed facets
    data : Dataset of `Stability.prepare`
    facet : session, scanner, preprocessing, or replicate
    levels : the levels whose pairs are compared; None takes all. A facet nested in the subject (sessions of a subject,
        replicates) has one pair, of any two of its levels, and bias zero: its limits are ± 1.96 √2 within-subject sds
    another_session : whether the two measurements are of two sessions. By default they share one (two scans of one
        day), except where they cannot: sessions compared, and scanners where each scan is a visit of its own

    Returns
    -------
    Dataset with `bias`, `sd` (of the difference; on the log scale of the difference of logarithms), `lower` and `upper`
    (chain, draw, [feature], pair), with `first` and `second` along pair: differences are first less second. Pairs of a
    level at which a feature was not measured are NaN. The attribute `comparison` says which two measurements are
    meant.

    Raises
    ------
    FitError
        For normal scores, which have lost the feature's units, and for levels with scales of their own.
    DesignError
        For a facet (or session) that the design does not have.
    TableError
        For levels that the data do not have, or fewer than two.
    """
    _require_units(data)
    layout = Layout(data)
    if another_session and "session" not in layout.components:
        raise DesignError("another_session=True needs sessions: the design has none")
    parts = split_components(layout, facet, frozenset({"session"}) if another_session else frozenset())
    logarithmic = data.attrs["transformation"] == "log"
    scale = data["scale"] if "feature" in data.dims else data.attrs["scale"]
    error = posterior["variance"].sel(component=list(parts.error)).sum("component")
    spread = scale * (2.0 * error) ** 0.5
    if parts.level:
        first, second = _pairs(data, facet, levels)
        effects = posterior[EFFECTS[facet][0]].where(observed_levels(data, facet))
        one, other = (
            effects.sel({facet: xr.DataArray(labels, dims="pair")}).drop_vars(facet) for labels in (first, second)
        )
        bias = scale * (one - other)
    else:
        _refuse_levels(facet, levels)
        first, second = [f"a {facet}"], [f"another {facet}"]
        bias = xr.zeros_like(spread).expand_dims(pair=1, axis=-1)
    spread = spread.expand_dims(pair=len(first), axis=-1).where(bias.notnull())
    lower, upper = bias - LIMIT * spread, bias + LIMIT * spread
    if logarithmic:
        bias, lower, upper = (100.0 * xr.apply_ufunc(np.expm1, limit) for limit in (bias, lower, upper))
    unit = "%" if logarithmic else OWN_UNIT if "feature" in data.dims else data.attrs["unit"]
    what = "ratio of two measurements less one" if logarithmic else "difference of two measurements"
    found = {
        "bias": (bias, unit, f"{what}: its centre"),
        "sd": (spread, "log" if logarithmic else unit, "sd of the difference of two measurements of one subject"),
        "lower": (lower, unit, f"{what}: lower 95 % limit of agreement"),
        "upper": (upper, unit, f"{what}: upper 95 % limit of agreement"),
    }
    dataset = xr.Dataset(
        {
            name: array.assign_attrs(unit=own, meaning=meaning, reference=REFERENCE)
            for name, (array, own, meaning) in found.items()
        }
    )
    labels = [f"{one} − {other}" for one, other in zip(first, second, strict=True)]
    dataset = dataset.assign_coords(pair=labels, first=("pair", list(first)), second=("pair", list(second)))
    comparison = f"two measurements of one subject that differ in {', '.join([*parts.level, *parts.error])}"
    dataset.attrs = {"facet": facet, "comparison": comparison, "components": ", ".join(parts.error)}
    return dataset.transpose("chain", "draw", "feature", "pair", missing_dims="ignore")


def observed_pairs(data: xr.Dataset, facet: str, levels: Sequence[str] | None = None) -> xr.Dataset:
    """Observed differences and means of pairs of measurements, to be plotted with the limits of agreement.

    A pair is one measurement at each of two levels, of one subject and alike in every other facet (scans that are
    visits of their own are paired in their order). Replicates of a cell are paired in their order; of sessions that
    are nested in subjects, and of replicates where they are compared, each is paired with the next.

    Parameters
    ----------
    data : Dataset of `Stability.prepare`
    facet : session, scanner, preprocessing, or replicate
    levels : two levels of a facet that crosses subjects; None where it has only two

    Returns
    -------
    Dataset with `difference` (first less second; on the log scale 100 (first / second - 1)) and `mean` (on the log
    scale the geometric mean), over measured_pair and feature where there are many, in the feature's units, and the
    coordinate `subject`. NaN where a feature is missing in either measurement.

    Raises
    ------
    FitError
        For normal scores, which have lost the feature's units, and for levels with scales of their own.
    DesignError
        For a facet that the design does not have.
    TableError
        For levels that the data do not have, or not two of them.
    """
    _require_units(data)
    layout = Layout(data)
    split_components(layout, facet)
    first, second = _matched_rows(layout, facet, levels)
    known = data if "feature" in data.dims else data.attrs
    value = data["value"] * known["scale"] + known["location"]
    one, other = (value.isel(measurement=rows).rename(measurement="measured_pair") for rows in (first, second))
    unit = own = OWN_UNIT if "feature" in data.dims else data.attrs["unit"]
    difference, mean = one - other, (one + other) / 2.0
    if data.attrs["transformation"] == "log":
        unit = "%"
        difference, mean = 100.0 * xr.apply_ufunc(np.expm1, difference), xr.apply_ufunc(np.exp, mean)
    found = xr.Dataset(
        {
            "difference": difference.assign_attrs(
                unit=unit, meaning="first measurement less second", reference=REFERENCE
            ),
            "mean": mean.assign_attrs(unit=own, meaning="mean of the two measurements", reference=REFERENCE),
        }
    )
    subjects = data["subject"].values[layout.levels("subject")[first]]
    return found.assign_coords(subject=("measured_pair", subjects)).assign_attrs(facet=facet)


def _matched_rows(layout: Layout, facet: str, levels: Sequence[str] | None) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of the first and of the second measurement of each pair."""
    data = layout.data
    keys = {name: layout.levels(name) for name in ("subject", *ORDERED_FACETS) if name in layout.components}
    nest = SESSION_NEST[data.attrs["session_design"]]
    if "session" in keys and facet in nest:  # a visit belongs to one scanner: pair the first with the first
        keys["session"] = _order(keys["session"], [keys[name] for name in nest])
    rows = np.arange(data.sizes["measurement"])
    keys["replicate"] = _order(rows, list(keys.values()))
    if crosses_subjects(layout, facet):
        labels = _pairs(data, facet, levels)
        if len(labels[0]) != 1:
            raise TableError(f"name two levels of {facet} with levels=(…, …); the data have {_listed(data, facet)}")
        compared = keys.pop(facet)
        inside = [compared == np.flatnonzero(data[facet].values == label)[0] for (label,) in labels]
    else:
        _refuse_levels(facet, levels)
        if facet == "session":
            others = [codes for name, codes in keys.items() if name not in ("session", "replicate")]
            keys["session"] = _order(keys["session"], others)
        inside = [np.ones(rows.size, dtype=bool)] * 2
    table = pd.DataFrame({**keys, "row": rows})
    one, other = table.loc[inside[0]], table.loc[inside[1]]
    if facet in keys:  # levels of the subject's own: each with the next
        other = other.assign(**{facet: other[facet] - 1})
    matched = one.merge(other, on=list(keys), suffixes=("_first", "_second"))
    return matched["row_first"].to_numpy(), matched["row_second"].to_numpy()


def _order(codes: np.ndarray, cells: Sequence[np.ndarray]) -> np.ndarray:
    """Number the codes from 0 within each cell."""
    cell = np.unique(np.stack(cells, axis=1), axis=0, return_inverse=True)[1].ravel()
    return number_within(codes, cell)


def _refuse_levels(facet: str, levels: Sequence[str] | None) -> None:
    if levels is not None:
        raise DesignError(f"each subject has its own levels of {facet}, so none can be named: leave levels out")


def _pairs(data: xr.Dataset, facet: str, levels: Sequence[str] | None) -> tuple[list[str], list[str]]:
    known = [str(label) for label in data[facet].values]
    chosen = known if levels is None else [str(label) for label in levels]
    unknown = [label for label in chosen if label not in known]
    if unknown or len(set(chosen)) < max(len(chosen), 2):
        raise TableError(
            f"levels of {facet} to compare must be two or more of {_listed(data, facet)}, each once; got {chosen}"
        )
    pairs = list(itertools.combinations(chosen, 2))
    return [one for one, _ in pairs], [other for _, other in pairs]


def _listed(data: xr.Dataset, facet: str) -> str:
    known = [str(label) for label in data[facet].values]
    return ", ".join(known[:20]) + (", …" if len(known) > 20 else "")


def _require_units(data: xr.Dataset) -> None:
    calibrated = Layout(data).calibrated
    if calibrated:
        raise FitError(
            f"limits of agreement compare values in one unit, and here every {calibrated} has a scale of its own: fit "
            "the levels that share a unit"
        )
    if data.attrs["transformation"] == "rank_normal":
        raise FitError(
            "limits of agreement are in the feature's units, which normal scores have lost: use scale='z_score' or "
            "'log'"
        )
