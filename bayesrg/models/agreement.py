"""Estimands of a stability study: how variances by component become ICCs, repeatability coefficients and their kin.

Definitions: ICC by facet from generalisability theory (Brennan 2001, chapter 3; Shrout & Fleiss 1979,
doi:10.1037/0033-2909.86.2.420); RC, RDC, within-subject sd and wCV from QIBA (Raunig et al. 2015,
doi:10.1177/0962280214537344); SEM and minimal detectable change (de Vet et al. 2006,
doi:10.1016/j.jclinepi.2005.10.015); the log scale (Bland & Altman 1996, doi:10.1136/bmj.313.7049.106).
"""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from bayesrg.transformation import Transformation

# Two measurements of one subject differ by less than this many within-subject sds in 95 % of pairs.
COVERAGE = 1.96 * np.sqrt(2.0)
MEANING: Mapping[str, str] = {
    "sd": "standard deviation in the superpopulation of levels",
    "finite_sd": "standard deviation among the levels observed",
    "share": "share of the total variance",
    "mean": "population mean",
    "geometric_mean": "population geometric mean",
    "icc": "intraclass correlation: share of signal when the condition's facets vary",
    "icc_above": "the intraclass correlation exceeds the threshold (its mean is the probability)",
    "sem": "standard error of measurement: sd of the error of one measurement",
    "mdc": "minimal detectable change: 1.96 √2 SEM",
    "mdc_lower": "minimal detectable decrease",
    "mdc_upper": "minimal detectable increase",
    "within_subject_sd": "within-subject sd under repeatability conditions",
    "wcv": "within-subject coefficient of variation under repeatability conditions",
    "rc": "repeatability coefficient: 1.96 √2 within-subject sd",
    "rc_lower": "repeatability coefficient, decrease",
    "rc_upper": "repeatability coefficient, increase",
    "rdc": "reproducibility coefficient: 1.96 √2 sd within subjects across scanners",
    "rdc_lower": "reproducibility coefficient, decrease",
    "rdc_upper": "reproducibility coefficient, increase",
}


def agreement(
    variance: xr.DataArray,
    mu: xr.DataArray,
    partitions: Mapping[str, tuple[Sequence[str], Sequence[str]]],
    transformation: Transformation,
    thresholds: Sequence[float],
    unit: str,
    unavailable: Mapping[str, str],
) -> xr.Dataset:
    """Estimands from the variances, draw by draw.

    Parameters
    ----------
    variance : over `component` and the draws, on the model's scale
    mu : population mean over the draws, on the model's scale
    partitions : condition -> its signal components and its error components
    transformation : its location and scale are numbers, or DataArrays over `feature`
    thresholds : ICCs to be exceeded
    unit : the feature's unit; of many features `variables.OWN_UNIT`
    unavailable : condition -> why the design does not have it

    Returns
    -------
    Dataset with a unit and a meaning for every variable, and the reasons for absent ones in the attribute `absent`
    (JSON).
    """
    conditions = list(partitions)
    signal = _over_conditions(variance, {name: parts[0] for name, parts in partitions.items()})
    error = _over_conditions(variance, {name: parts[1] for name, parts in partitions.items()})
    found: dict[str, tuple[xr.DataArray, str]] = {"share": (variance / variance.sum("component", skipna=False), "1")}
    absent: dict[str, str] = {}
    icc = signal / (signal + error)
    found["icc"] = (icc, "1")
    limit = xr.DataArray(
        np.asarray(thresholds, dtype=float), dims="threshold", coords={"threshold": np.asarray(thresholds, dtype=float)}
    )
    found["icc_above"] = (icc > limit, "1")

    sem = error**0.5 * transformation.scale
    named = {"rc": "repeatability", "rdc": "reproducibility"}
    for name, condition in named.items():
        if condition not in conditions:
            absent[name] = unavailable[condition]
    if not transformation.has_units:
        for name in ("sd", "finite_sd", "mean", "sem", "mdc", "within_subject_sd", "wcv", "rc", "rdc"):
            absent[name] = (
                f"{name} is in the feature's units, which normal scores have lost: use scale='z_score' or 'log'"
            )
    elif transformation.name == "log":
        found["sd"] = (variance**0.5 * transformation.scale, "log")
        found["geometric_mean"] = (xr.apply_ufunc(np.exp, mu * transformation.scale + transformation.location), unit)
        absent["mean"] = "on the log scale the centre is the geometric mean: see geometric_mean"
        found["sem"] = (sem, "log")
        coefficients = {"mdc": sem} | {
            name: sem.sel(condition=c, drop=True) for name, c in named.items() if c in conditions
        }
        for name, spread in coefficients.items():
            found[f"{name}_lower"] = (100.0 * np.expm1(-COVERAGE * spread), "%")
            found[f"{name}_upper"] = (100.0 * _expm1(COVERAGE * spread), "%")
            absent[name] = f"on the log scale {name} is a pair of percentages: see {name}_lower and {name}_upper"
    else:
        found["sd"] = (variance**0.5 * transformation.scale, unit)
        found["mean"] = (mu * transformation.scale + transformation.location, unit)
        found["sem"] = (sem, unit)
        found["mdc"] = (COVERAGE * sem, unit)
        found |= {
            name: (COVERAGE * sem.sel(condition=c, drop=True), unit) for name, c in named.items() if c in conditions
        }

    if "repeatability" not in conditions:
        absent["within_subject_sd"] = absent["wcv"] = unavailable["repeatability"]
    elif transformation.has_units:
        within = sem.sel(condition="repeatability", drop=True)
        found["within_subject_sd"] = (within, "log" if transformation.name == "log" else unit)
        if transformation.name == "log":
            found["wcv"] = (_expm1(within**2) ** 0.5, "1")
        else:
            mean = found["mean"][0]
            draws = [dim for dim in mean.dims if dim != "feature"]
            one_sign = (mean > 0).all(draws) | (mean < 0).all(draws)
            if one_sign.any():  # of many features, those whose mean may be zero have NaN
                found["wcv"] = ((within / np.abs(mean)).where(one_sign), "1")
            if not one_sign.all():
                absent["wcv"] = "the population mean may be zero, so a coefficient of variation means nothing"
    dataset = xr.Dataset(
        {name: array.assign_attrs(unit=own, meaning=MEANING[name]) for name, (array, own) in found.items()}
    )
    return dataset.assign_attrs(absent=json.dumps(absent), unavailable=json.dumps(dict(unavailable)))


def _expm1(value: xr.DataArray) -> xr.DataArray:
    # A draw of the prior may be of a spread so large that its ratio has no finite number: infinity says so.
    with np.errstate(over="ignore"):
        return xr.apply_ufunc(np.expm1, value)


def _over_conditions(variance: xr.DataArray, members: Mapping[str, Sequence[str]]) -> xr.DataArray:
    sums = [variance.sel(component=list(names)).sum("component", skipna=False) for names in members.values()]
    return xr.concat(sums, dim=xr.IndexVariable("condition", list(members)))
