"""The same question asked with other assumptions: a robust or a rank model beside the one that was chosen."""

import json
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.inference.diagnosis import diagnose
from bayesrg.inference.fitting import data_of, fit
from bayesrg.inference.provenance import read_json
from bayesrg.models.association import Association
from bayesrg.models.comparison import KINDS, compare, original_outcome
from bayesrg.models.families import Categorical, Gaussian, Ordinal, Rank, StudentT
from bayesrg.models.patient_rows.predictor_columns import two_valued
from bayesrg.transformation import transform

REVERSED = "rank, reversed"  # the predictor's ranks between the two outcomes, as Wilcoxon's test compares them


def alternatives_of(model: Association, data: xr.Dataset) -> dict[str, Association]:
    """Name -> the same question asked otherwise, as far as the data allow it.

    A continuous outcome gets heavy tails (or normal ones) and ranks; ordered categories a slope at each cutpoint, and
    categories without their order; a count its ranks; a binary outcome the ranks of its numeric predictor between the
    two. Priors and rope are those of the model where both have them, else the defaults.
    """
    family = model.family
    if isinstance(family, Gaussian):
        shared = {field.name: getattr(family, field.name) for field in fields(Gaussian)}
        other = Gaussian(**shared) if isinstance(family, StudentT) else StudentT(**shared)
        return {other.name: Association(other, model.rope), "rank": Association(Rank())}
    if isinstance(family, Rank):
        labels = data["category"].values
        # Numbers whose order was given by hand are names of ranks, not measurements.
        measured = labels.dtype.kind == "f" and bool((np.diff(labels) > 0).all())
        return {"gaussian": Association(Gaussian()), "student_t": Association(StudentT())} if measured else {}
    if isinstance(family, Ordinal):
        other = Association(replace(family, proportional=not family.proportional), model.rope)
        name = "category slopes" if family.proportional else "proportional odds"
        return {name: other, "categorical": Association(Categorical())}
    if family.name == "negative_binomial":
        return {"rank": Association(Rank())}
    if family.name == "bernoulli" and data.sizes["term"] == 1 and not data["two_valued"].values[0]:
        return {REVERSED: Association(Rank())}
    return {}


def fit_alternatives(
    tree: xr.DataTree, model: Association, *, seed: int, draws: int | None = None, progress: bool = False
) -> xr.Dataset:
    """Fit the alternatives of a fit, and show their answers beside its own.

    Parameters
    ----------
    tree : a fit
    model : its `Association`
    seed, draws, progress : as of `bayesrg.fit`

    Returns
    -------
    Dataset with `mean`, `lower`, `upper` (95 %, equal-tailed) and `probability_positive` (alternative, term) of the
    `quantity` that each alternative has, its `null` value, and its `verdict` (alternative); where category slopes are
    among them, `category_slope` (quantile, term, cutpoint). The attribute `comparison` (JSON) holds `compare` of those
    that can be compared. Keep it as ``tree["alternatives"]``, and the report shows it.
    """
    data = data_of(tree)
    trees = {name: _fit(name, one, data, seed, draws, progress) for name, one in alternatives_of(model, data).items()}
    rows = [_answer(name, one) for name, one in trees.items()]
    names = list(trees)
    found = xr.Dataset(
        {
            **{
                column: (
                    ("alternative", "term"),
                    np.array([row[column] for row in rows]).reshape(len(rows), data.sizes["term"]),
                )
                for column in ("mean", "lower", "upper", "probability_positive")
            },
            **{column: ("alternative", np.array([row[column] for row in rows])) for column in ("quantity", "null")},
            "verdict": ("alternative", np.array([diagnose(one).verdict for one in trees.values()], dtype=str)),
        },
        coords={"alternative": np.array(names, dtype=str), "term": data["term"].values},
        attrs={"comparison": _compare(tree, trees)},
    )
    slopes = tree if "category_slope" in tree["estimands"] else trees.get("category slopes")
    if slopes is not None:
        drawn = slopes["estimands"].to_dataset()["category_slope"]
        found["category_slope"] = drawn.quantile([0.025, 0.5, 0.975], ("chain", "draw"))
    return found


def recast(data: xr.Dataset, family: str) -> xr.Dataset:
    """The data of an association as another family takes them: the same patients, predictors and covariates.

    Raises
    ------
    TypeError
        For an outcome that the family cannot have.
    """
    value, attributes = data["value"].values, {"family": family}
    plain = data.drop_vars([name for name in ("category", "cutpoint", "gap") if name in data.coords])
    if family == "rank":
        ranked, shown = value, original_outcome(data)
        if data.attrs["family"] == "negative_binomial":
            shown = value / np.exp(data["offset"].values)  # patients are ranked by their rates
            ranked = np.round(shown / np.ptp(shown), 12)  # rates that are equal but for rounding are equal
        _, first, code = np.unique(ranked, return_index=True, return_inverse=True)
        kept = shown[first].astype(float)
        labels = [f"{low}|{high}" for low, high in pairwise(kept)]
        plain = plain.assign(value=("patient", code.astype(float)), offset=("patient", np.zeros(value.size)))
        return plain.assign_coords(category=kept, cutpoint=labels, gap=kept[1:-1].astype(str)).assign_attrs(
            **attributes, transformation="category"
        )
    if family in ("gaussian", "student_t"):
        if data.attrs["family"] in ("gaussian", "student_t"):
            return data.assign_attrs(attributes)
        if data["category"].dtype.kind != "f":
            raise TypeError("categories that are no numbers have no density")
        new, scale = transform(data["category"].values[value.astype(int)], "z_score", data.attrs["outcome"])
        return plain.assign(value=("patient", new)).assign_attrs(
            **attributes, transformation=scale.name, location=scale.location, scale=scale.scale
        )
    if family == "categorical":
        return data.drop_vars(["cutpoint", "gap"]).assign_attrs(attributes)
    return data.assign_attrs(attributes)


def reverse(data: xr.Dataset) -> xr.Dataset:
    """The ranks of a binary outcome's only predictor as the outcome, and the outcome as the predictor."""
    raw = data["predictor"].values[:, 0] * data["predictor_scale"].values[0] + data["predictor_location"].values[0]
    outcome = data["value"].values
    events = str(data["category"].values[1])
    name = data.attrs["outcome"] if events in ("1", "True") else f"{data.attrs['outcome']}[{events}]"
    turned = {"genome on image": "image on genome", "image on genome": "genome on image", "": ""}
    columns = {"location": outcome.mean(), "scale": 1.0, "sd": outcome.std(ddof=1), "low": 0.0, "high": 1.0}
    scales: dict[str, Any] = {f"predictor_{name}": ("term", np.array([number])) for name, number in columns.items()}
    flipped = data.assign_coords(term=[name]).assign(
        value=("patient", raw),
        predictor=(("patient", "term"), (outcome - outcome.mean())[:, None]),
        two_valued=("term", two_valued(outcome[:, None])),
        **scales,
    )
    flipped = flipped.drop_vars("category").assign_attrs(
        outcome=str(data["term"].values[0]),
        predictors=json.dumps([name]),
        direction=turned[data.attrs["direction"]],
        transformation="none",
        family="gaussian",
        unit="",
        predictor_units=json.dumps({name: ""}),
        coding=json.dumps({}),
        reference=json.dumps({}),
    )
    return recast(flipped, "rank")


def _fit(name: str, model: Association, data: xr.Dataset, seed: int, draws: int | None, progress: bool) -> xr.DataTree:
    own = reverse(data) if name == REVERSED else recast(data, model.family.name)
    return fit(model, own, seed=seed, draws=draws, progress=progress)


def _answer(name: str, tree: xr.DataTree) -> dict[str, Any]:
    """Mean, interval and probability of the positive side of what an alternative says of each term."""
    estimands, data = tree["estimands"].to_dataset(), data_of(tree)
    null = 0.0
    if "probability_of_superiority" in estimands and data.attrs["family"] == "rank":
        drawn, quantity, null = estimands["probability_of_superiority"], "P(Y1 > Y0) + P(Y1 = Y0) / 2", 0.5
    elif "standardised_effect" in estimands:
        drawn, quantity = estimands["standardised_effect"], "sds of the outcome per sd of the predictor"
    elif "slope_difference" in estimands:
        drawn, quantity = estimands["slope_difference"], "slope at the last cutpoint less that at the first"
    else:
        per_sd, per_step = (estimands["effect"].sel(step=step, drop=True) for step in ("sd", "unit"))
        two = xr.DataArray(data["two_valued"].values, dims="term")
        drawn = per_sd.where(~two, per_step)
        quantity = "log odds ratio per sd, or of the step of a two-valued predictor"
        if "contrast" in drawn.dims:
            drawn = drawn.isel(contrast=-1)
            quantity += f", {drawn['contrast'].item()}"
    flat = drawn.transpose("chain", "draw", "term").values.reshape(-1, data.sizes["term"])
    lower, upper = np.quantile(flat, [0.025, 0.975], axis=0)
    return {
        "quantity": quantity,
        "null": null,
        "mean": flat.mean(axis=0),
        "lower": lower,
        "upper": upper,
        "probability_positive": (flat > null).mean(axis=0),
    }


def _compare(tree: xr.DataTree, trees: dict[str, xr.DataTree]) -> str:
    """`compare` of the fit and the alternatives whose likelihoods are of its kind, as JSON; empty where none is."""
    own = data_of(tree)
    alike = {
        name: one
        for name, one in trees.items()
        if name != REVERSED
        and KINDS[data_of(one).attrs["family"]] == KINDS[own.attrs["family"]]
        and own.attrs["transformation"] != "rank_normal"
    }
    if not alike:
        return ""
    chosen = read_json(tree["provenance"].attrs, "model")["family"]["is"]
    table: pd.DataFrame = compare({f"this fit ({chosen})": tree, **alike})
    return json.dumps(table.to_dict(orient="index"))
