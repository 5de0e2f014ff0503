"""Redundancy: groups of features that measure the same thing of the subjects, and one of each group to keep.

Two features are called redundant where P(|rho| > threshold | data) reaches a probability, rho the correlation of their
subjects' own effects (`subject_correlation`). The absolute value, because a feature and its negative measure the same.

Groups are those of complete linkage: every two members of a group are redundant with each other. Single linkage would
chain: where a is redundant with b and b with c, it calls a and c the same, which may have little in common after ten
such steps, and one representative would stand for features that it does not measure.

Not all pairs are sampled. Those whose correlation by moments is clearly below the threshold are left out, and count as
not redundant: with z = atanh |estimate|, a pair is sampled where z + m SE(z) >= atanh(threshold), m = `MARGIN` for a
probability of 0.5 or more and larger for smaller ones. Every estimate is kept in the result.
"""

import numpy as np
import pandas as pd
import xarray as xr
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import norm

from bayesrg.errors import FitError
from bayesrg.models.layout import FACETS
from bayesrg.models.pooled_stability import PooledStability
from bayesrg.models.stability import Stability
from bayesrg.models.subject_correlation import (
    PAIRS_TOGETHER,
    estimate_correlations,
    sample_correlations,
    without_calibration,
)

MARGIN = 2.5  # standard errors, on Fisher's z scale, by which an estimate may fall short and still be sampled
CI_PROB = 0.95
REFERENCE = "Searle & Rounsaville 1974, Am. Stat. 28:67-68; Nguyen & Jiang 2012, doi:10.1002/sim.4366"
MEANING = {
    "correlation": "posterior mean of the correlation of the subjects' effects",
    "sd": "posterior sd of the correlation",
    "lower": "lower end of the 95 % equal-tailed interval of the correlation",
    "upper": "upper end of the 95 % equal-tailed interval of the correlation",
    "probability": "probability that the correlation's absolute value exceeds the threshold",
    "method": "how the posterior was sampled; exact: one feature is a multiple of the other; not comparable: in the "
    "rows that have both features one is constant, or components cannot be told apart",
    "pareto_k": "Pareto k, the larger of the sum's and the difference's",
    "importance_ess": "effective sample size after weighting, the smaller of the sum's and the difference's",
    "r_hat": "R-hat, the larger of the sum's and the difference's; NaN where importance sampling was used",
    "estimate": "correlation of the subjects' effects by moments, cut at -1 and 1; of all pairs",
    "sampled": "the pair's posterior was sampled",
    "group": "number of the feature's group, the largest group first",
    "representative": "member of the feature's group with the highest mean ICC",
    "sign": "sign of the correlation with the representative",
    "icc": "posterior mean of the ICC that chooses the representative",
}


def redundancy(
    model: Stability | PooledStability,
    data: xr.Dataset,
    posterior: xr.Dataset,
    *,
    seed: int,
    threshold: float = 0.9,
    probability: float = 0.5,
    icc: xr.DataArray | None = None,
    prefilter: bool = True,
    progress: bool = True,
) -> xr.Dataset:
    """Groups of features that measure the same thing, from the posterior of their subject-level correlation.

    Parameters
    ----------
    model : the model that was fitted; the sums and differences of a pooled model's features have its priors alone
    data : Dataset of its `prepare`, `value` (measurement, feature)
    posterior : Dataset of its fit, with `variance` (chain, draw, feature, component)
    seed : the same seed gives the same result
    threshold : absolute correlation to be exceeded
    probability : posterior probability of that from which two features count as redundant
    icc : DataArray with the dim feature (and chain and draw); the member of a group with the highest mean represents
        it. None takes the ICC with all facets randomised.
    prefilter : False samples all pairs, whatever their estimates

    Returns
    -------
    Dataset. By pair, the sampled pairs only, with the coordinates `feature_a` and `feature_b`: `correlation` (posterior
    mean), `sd`, `lower`, `upper`, `probability`, `method`, `pareto_k`, `importance_ess`, `r_hat`. By feature and
    other_feature: `estimate`, by moments, and `sampled`. By feature: `group`, `representative`, `sign` and `icc`.

    Where levels of a facet have scales of their own, each level's values are taken as standardised by its sample.

    Raises
    ------
    FitError
        For a data set or a posterior of one feature, features that differ between the two, or a threshold or a
        probability that is not between 0 and 1.
    """
    _check(data, posterior, threshold, probability)
    features = data["feature"].values.astype(str)
    posterior = posterior.sel(feature=data["feature"].values)
    alone = model.alone if isinstance(model, PooledStability) else model
    if icc is None:
        icc = alone.icc(posterior, data, fixed=(), randomised=FACETS)
    mean_icc = icc.mean([dim for dim in icc.dims if dim != "feature"]).sel(feature=data["feature"].values).values
    subject_sd = (posterior["variance"].sel(component="subject") ** 0.5).mean(("chain", "draw")).values
    alone, data = without_calibration(alone, data)

    estimate, standard_error = estimate_correlations(data, subject_sd)
    first, second = np.triu_indices(features.size, 1)
    if prefilter:
        possible = could_exceed(estimate, standard_error, data.sizes["subject"], threshold, probability)[first, second]
        first, second = first[possible], second[possible]
    sampled = np.zeros(estimate.shape, dtype=bool)
    sampled[first, second] = sampled[second, first] = True
    pairs = _summarise_pairs(alone, data, subject_sd, first, second, threshold, seed, progress)

    similarity, signs = np.zeros(estimate.shape), np.sign(np.nan_to_num(estimate))
    similarity[first, second] = similarity[second, first] = np.nan_to_num(pairs["probability"].values)
    signs[first, second] = signs[second, first] = np.sign(np.nan_to_num(pairs["correlation"].values))
    np.fill_diagonal(signs, 1.0)
    group = group_features(similarity, probability)
    representative = np.array([np.flatnonzero(group == own)[np.argmax(mean_icc[group == own])] for own in group])
    found = pairs.assign(
        estimate=(("feature", "other_feature"), np.clip(estimate, -1.0, 1.0)),
        sampled=(("feature", "other_feature"), sampled),
        group=("feature", group),
        representative=("feature", features[representative]),
        sign=("feature", signs[np.arange(features.size), representative].astype(np.int64)),
        icc=("feature", mean_icc),
    )
    found = found.assign_coords(
        feature=features,
        other_feature=features,
        feature_a=("pair", features[first]),
        feature_b=("pair", features[second]),
    )
    for name, meaning in MEANING.items():
        found[name].attrs = {"unit": "1", "meaning": meaning, "reference": REFERENCE}
    rule = f"P(|rho| > {threshold:g} | data) ≥ {probability:g} for every two members of a group (complete linkage)"
    filtered = (
        f"sampled where atanh |estimate| + {margin(probability):.3g} SE ≥ atanh {threshold:g}; others count as below"
    )
    return found.assign_attrs(
        threshold=threshold,
        probability=probability,
        rule=rule,
        prefilter=filtered if prefilter else "all pairs sampled",
        pairs=features.size * (features.size - 1) // 2,
        seed=seed,
    )


def describe_groups(result: xr.Dataset) -> pd.DataFrame:
    """Groups of more than one feature, one a row, the largest first.

    Parameters
    ----------
    result : Dataset of `redundancy`

    Returns
    -------
    DataFrame indexed by group: `members` (comma-separated, the representative first, those with the opposite sign after
    a minus sign), `size`, `representative`, `icc` (of the representative), and `smallest_probability` of all pairs
    within.
    """
    names = result["feature"].values.astype(str)
    place = {name: number for number, name in enumerate(names)}
    chance = np.full((names.size, names.size), np.nan)
    first = [place[name] for name in result["feature_a"].values.astype(str)]
    second = [place[name] for name in result["feature_b"].values.astype(str)]
    chance[first, second] = chance[second, first] = result["probability"].values
    rows = []
    for group in np.unique(result["group"].values):
        own = np.flatnonzero(result["group"].values == group)
        if own.size == 1:
            continue
        representative = str(result["representative"].values[own[0]])
        ordered = sorted(own, key=lambda number: names[number] != representative)
        within = chance[np.ix_(own, own)]
        rows.append(
            {
                "group": int(group),
                "members": ", ".join(("-" if result["sign"].values[k] < 0 else "") + names[k] for k in ordered),
                "size": own.size,
                "representative": representative,
                "icc": float(result["icc"].values[place[representative]]),
                "smallest_probability": float(np.min(within[~np.eye(own.size, dtype=bool)])),
            }
        )
    columns = ["group", "members", "size", "representative", "icc", "smallest_probability"]
    table = pd.DataFrame(rows, columns=columns).set_index("group")
    table.attrs = {"rule": result.attrs["rule"], "redundant": sum(row["size"] - 1 for row in rows)}
    return table


def margin(probability: float) -> float:
    """Standard errors by which an estimate may fall short of the threshold and still be sampled."""
    return MARGIN + max(0.0, float(norm.ppf(1.0 - probability)))


def could_exceed(
    estimate: np.ndarray, standard_error: np.ndarray, subjects: int, threshold: float, probability: float
) -> np.ndarray:
    """Whether each pair's posterior could reach the rule; where the moments say nothing (NaN), it could.

    Standard errors are no smaller than that of a correlation of as many subjects without any noise.
    """
    size = np.abs(estimate)
    inside = np.where(size < threshold, size, 0.0)
    spread = np.maximum(standard_error / (1.0 - inside**2), 1.0 / np.sqrt(max(subjects - 3, 1)))
    below = np.arctanh(inside) + margin(probability) * spread < np.arctanh(threshold)
    return ~(below & (size < threshold))


def group_features(similarity: np.ndarray, probability: float) -> np.ndarray:
    """Group numbers by complete linkage, 1 the largest; any two members have a `similarity` >= probability.

    Parameters
    ----------
    similarity : ndarray, shape (feature, feature), symmetric, between 0 and 1
    """
    if len(similarity) == 1:
        return np.ones(1, dtype=np.int64)
    distance = 1.0 - similarity
    np.fill_diagonal(distance, 0.0)
    # A share of draws is exact only to rounding.
    label = fcluster(linkage(squareform(distance, checks=False), "complete"), 1.0 - probability + 1e-9, "distance")
    _, first, number, size = np.unique(label, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -size))
    place = np.empty_like(order)
    place[order] = np.arange(1, order.size + 1)
    return place[number]


def _summarise_pairs(
    model: Stability,
    data: xr.Dataset,
    subject_sd: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    threshold: float,
    seed: int,
    progress: bool,
) -> xr.Dataset:
    from rich.progress import track

    chunks = sample_correlations(model, data, subject_sd, first, second, seed=seed)
    steps = -(-first.size // PAIRS_TOGETHER)
    shown = track(chunks, "pairs of features", total=steps, disable=not progress or not steps)
    parts = [_summarise(drawn, threshold) for drawn in shown]
    if not parts:
        numbers = ("correlation", "sd", "lower", "upper", "probability", "pareto_k", "importance_ess", "r_hat")
        empty = {name: ("pair", np.empty(0)) for name in numbers}
        return xr.Dataset({**empty, "method": ("pair", np.empty(0, dtype="<U1"))})
    return xr.concat(parts, "pair")


def _summarise(drawn: xr.Dataset, threshold: float) -> xr.Dataset:
    """Weighted mean, sd, interval and probability of each pair."""
    value, weight = drawn["correlation"].values, drawn["weight"].values
    mean = (value * weight).sum(axis=1)
    order = np.argsort(value, axis=1)
    ordered = np.take_along_axis(value, order, axis=1)
    reached = np.cumsum(np.take_along_axis(weight, order, axis=1), axis=1)
    ends = []
    for tail in ((1.0 - CI_PROB) / 2.0, (1.0 + CI_PROB) / 2.0):
        place = np.minimum((reached < tail).sum(axis=1, keepdims=True), value.shape[1] - 1)
        ends.append(np.take_along_axis(ordered, place, axis=1)[:, 0])
    known = ~np.isnan(mean)
    chance = np.where(known, (weight * (np.abs(value) > threshold)).sum(axis=1), np.nan)
    columns = {
        "correlation": mean,
        "sd": np.sqrt((weight * (value - mean[:, None]) ** 2).sum(axis=1)),
        "lower": ends[0],
        "upper": ends[1],
        "probability": np.minimum(chance, 1.0),
    }
    return drawn.drop_vars(["correlation", "weight"]).assign({name: ("pair", own) for name, own in columns.items()})


def _check(data: xr.Dataset, posterior: xr.Dataset, threshold: float, probability: float) -> None:
    if "feature" not in data.dims or "feature" not in posterior.dims:
        raise FitError("redundancy compares features: fit several at once, prepare(table, features=[…])")
    missing = sorted(set(map(str, data["feature"].values)) - set(map(str, posterior["feature"].values)))
    if missing:
        raise FitError(f"the posterior has no feature {', '.join(missing[:5])}: give the data that were fitted")
    for name, number in {"threshold": threshold, "probability": probability}.items():
        if not 0.0 < number < 1.0:
            raise FitError(f"{name}={number!r}: give a number between 0 and 1")
