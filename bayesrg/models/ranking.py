"""Which features to trust: the posterior of their ranks, and joint thresholds on several conditions.

Posteriors of features that were fitted independently are combined draw by draw: their product is the joint posterior.
Ranks: Goldstein & Spiegelhalter 1996, doi:10.2307/2983325, who showed how uncertain league tables are; Lin et al. 2006,
doi:10.1214/06-BA130, for the posterior of ranks.
"""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from bayesrg.errors import FitError

REFERENCE = "Lin et al. 2006, doi:10.1214/06-BA130; Goldstein & Spiegelhalter 1996, doi:10.2307/2983325"
BLOCK = 1_000_000  # ranks worked out at once
DRAWS = ("chain", "draw")


def rank_probability(icc: xr.DataArray, best: int | Sequence[int] = 10, *, ci_prob: float = 0.95) -> xr.Dataset:
    """Posterior of each feature's rank among all: where it stands (1 = best), and how sure that is.

    Features that tie in a draw share the mean of their ranks, and share the places among the best that their tie
    reaches into: the probabilities of being among the best k add up to k, whatever ties.

    Parameters
    ----------
    icc : DataArray (chain, draw, feature), larger is better: one condition of an `icc`, or any other coefficient
    best : k, or several of them, of "among the best k"; at most the number of features
    ci_prob : probability of the equal-tailed interval

    Returns
    -------
    Dataset over feature: `mean_rank`, `lower_rank`, `upper_rank`, `probability_best` (rank 1), and
    `probability_among_best` (best, feature).

    Raises
    ------
    FitError
        For other dims, values that are not finite, or a k that the number of features does not allow.
    """
    if set(icc.dims) != {"feature", *DRAWS}:
        raise FitError(f"ranks need dims chain, draw and feature; got {icc.dims}: select one condition first")
    values = icc.transpose(*DRAWS, "feature").values.reshape(-1, icc.sizes["feature"])
    n_features = values.shape[1]
    asked = np.atleast_1d(np.asarray(best))
    if asked.dtype.kind not in "iu" or not ((asked >= 1) & (asked <= n_features)).all():
        raise FitError(f"best={best}: give whole numbers from 1 to the number of features, {n_features}")
    finite = np.isfinite(values).all(axis=0)
    if not finite.all():
        raise FitError(f"draws of {icc['feature'].values[~finite][0]} are not finite, so they have no rank: drop it")
    places = np.concatenate([[1], asked])
    among = np.zeros((places.size, n_features))
    # Mean ranks are multiples of a half: exact in single precision up to eight million features.
    ranks = np.empty(values.shape, dtype=np.float32)
    step = max(1, BLOCK // n_features)
    for start in range(0, len(values), step):
        block = -values[start : start + step]
        top = stats.rankdata(block, method="min", axis=-1)
        bottom = stats.rankdata(block, method="max", axis=-1)
        ranks[start : start + step] = (top + bottom) / 2.0
        for row, place in enumerate(places):
            among[row] += np.clip((place - top + 1.0) / (bottom - top + 1.0), 0.0, 1.0).sum(axis=0)
    among /= len(values)
    tail = (1.0 - ci_prob) / 2.0
    lower, upper = np.empty(n_features), np.empty(n_features)
    for number in range(n_features):
        # Ends that are ranks which occurred, with at most the tail beyond each.
        lower[number], upper[number] = np.quantile(ranks[:, number], [tail, 1.0 - tail], method="inverted_cdf")
    level = f"{100 * ci_prob:g} % equal-tailed interval of the rank"
    found = {
        "mean_rank": (("feature",), ranks.mean(axis=0, dtype=float), "mean of the rank (1 = best)"),
        "lower_rank": (("feature",), lower, f"lower end of the {level}"),
        "upper_rank": (("feature",), upper, f"upper end of the {level}"),
        "probability_best": (("feature",), among[0], "probability of being the best; ties share it"),
        "probability_among_best": (
            ("best", "feature"),
            among[1:],
            "probability of being among the best k; ties share the places left",
        ),
    }
    return xr.Dataset(
        {
            name: (dims, array, {"unit": "1", "meaning": meaning, "reference": REFERENCE})
            for name, (dims, array, meaning) in found.items()
        },
        coords={"feature": icc["feature"], "best": asked},
        attrs={"ci_prob": ci_prob, "features": n_features},
    )


def joint_above(icc: xr.DataArray, thresholds: Mapping[str, float]) -> xr.Dataset:
    """Whether each draw exceeds the thresholds of all conditions at once, say repeatable and reproducible and robust.

    The conditions share components, so the joint probability is not the product of theirs.

    Parameters
    ----------
    icc : DataArray (chain, draw, [feature], condition)
    thresholds : condition -> the ICC to be exceeded

    Returns
    -------
    Dataset of booleans, whose means are probabilities: `above` (chain, draw, [feature], condition) and `all` (chain,
    draw, [feature]). The attribute `thresholds` (JSON) keeps the rule.

    Raises
    ------
    FitError
        For no threshold, a condition that the fit does not have, or a threshold that is not between 0 and 1.
    """
    if not thresholds:
        raise FitError("joint_above needs a threshold for at least one condition")
    known = [str(name) for name in icc["condition"].values]
    unknown = [name for name in thresholds if name not in known]
    if unknown:
        raise FitError(f"no ICC for {', '.join(unknown)}: this fit's design has {', '.join(known)}")
    outside = {name: limit for name, limit in thresholds.items() if not 0.0 < limit < 1.0}
    if outside:
        raise FitError(f"thresholds are ICCs between 0 and 1; got {outside}")
    names = list(thresholds)
    limit = xr.DataArray(list(thresholds.values()), dims="condition", coords={"condition": names})
    chosen = icc.sel(condition=names)
    # NaN compares as False: without this check an ICC that is not there would look like a low one.
    if bool(chosen.isnull().any()):
        raise FitError("draws of the ICC are NaN for some feature or condition: drop it before the rule is applied")
    above = chosen > limit
    return xr.Dataset(
        {
            "above": above.assign_attrs(
                unit="1", meaning="the intraclass correlation exceeds its condition's threshold", reference=""
            ),
            "all": above.all("condition").assign_attrs(
                unit="1", meaning="the intraclass correlations exceed the thresholds of all conditions", reference=""
            ),
        },
        attrs={"thresholds": json.dumps(dict(thresholds))},
    )


def select(joint: xr.Dataset, probability: float = 0.8) -> pd.DataFrame:
    """Features kept and removed by a rule on the posterior probability, for a paper's methods section.

    Parameters
    ----------
    joint : Dataset of `joint_above`
    probability : a feature is kept where the joint probability is at least this

    Returns
    -------
    DataFrame indexed by feature (one row, ``"feature"``, for a fit of one), the most probable first, equal ones by
    name: `kept`, `probability` (joint), `probability_<condition>` of each threshold alone, `weakest` (the condition
    that is least probable) and `rule`. Its attributes hold the rule and how many features were kept and removed.

    Raises
    ------
    FitError
        For a probability that is not between 0 and 1.
    """
    if not 0.0 < probability <= 1.0:
        raise FitError(f"probability={probability!r}: give the posterior probability above 0 and at most 1")
    thresholds = json.loads(joint.attrs["thresholds"])
    rule = (
        f"P({' and '.join(f'ICC {name} > {limit:g}' for name, limit in thresholds.items())} | data) ≥ {probability:g}"
    )
    many = "feature" in joint["all"].dims
    features = [str(name) for name in joint["feature"].values] if many else ["feature"]
    table = pd.DataFrame({"probability": np.atleast_1d(joint["all"].mean(DRAWS).values)}, index=features)
    table.index.name = "feature"
    each = joint["above"].mean(DRAWS).transpose("condition", ...).values.reshape(len(thresholds), -1)
    for name, chance in zip(joint["condition"].values, each, strict=True):
        table[f"probability_{name}"] = chance
    table["weakest"] = joint["condition"].values[each.argmin(axis=0)].astype(str)
    # A share of draws is exact only to rounding: 0.8 of 2,000 draws must count as 0.8.
    kept = table["probability"].to_numpy() >= probability - 1e-12
    table.insert(0, "kept", kept)
    table["rule"] = rule
    table = table.reset_index().sort_values(["probability", "feature"], ascending=[False, True]).set_index("feature")
    table.attrs = {"rule": rule, "kept": int(kept.sum()), "removed": int((~kept).sum())}
    return table
