"""Whether levels of a facet (scanners, preprocessings) differ in scale: the check before their values are pooled.

A stability model has one scale for all levels. Where pipelines or scanners give a feature in other units, the level with
the largest sd decides every variance, and neither sds nor ICCs of the pool mean anything. The check compares sds by level
with what one scale would give by sampling, and with the test of Brown & Forsythe (1974, doi:10.1080/01621459.1974.10482955).
"""

from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from bayesrg.models.layout import Layout

MEANINGLESS = "pooled scale is meaningless"
DIFFERENT = "scales differ"
ALIKE = "no sign of it"
UNKNOWN = "too few subjects to tell"
VERDICTS = f"<U{max(map(len, (MEANINGLESS, DIFFERENT, ALIKE, UNKNOWN)))}"
COMPARED = ("sd_ratio", "expected_ratio", "ratio_limit", "brown_forsythe_p", "widest", "narrowest", "verdict")
# A level with ten times the sd of another has a hundred times its weight in every variance: the other is not seen.
LARGEST_RATIO = 10.0
FEWEST = 3  # subjects in a level whose sd is compared
FALSE_ALARM = 0.01  # of the simulated ratio and of the test, for one feature and one facet
SIMULATIONS = 500


def level_spread(data: xr.Dataset) -> xr.Dataset:
    """Location and sd of the values by scanner and by preprocessing, and whether one scale can be theirs.

    Parameters
    ----------
    data : Dataset of `Stability.prepare`, of one feature or of many

    Returns
    -------
    Dataset over `feature`. For every facet named, `<facet>_location` and `<facet>_sd` by level, in the feature's units
    (of logarithms on the log scale; NaN without two values). Also over `facet`: `sd_ratio`, the largest sd over the
    smallest among levels with three subjects or more; `expected_ratio` and `ratio_limit`, the median and the 99 %
    quantile of that ratio in data simulated with one scale; `brown_forsythe_p`; `widest` and `narrowest`, the levels
    with the largest and smallest sd; `verdict`: ``"pooled scale is meaningless"`` (a ratio above 10 and above the limit),
    ``"scales differ"`` (a ratio above the limit and p < 0.01), ``"no sign of it"``, or ``"too few subjects to tell"``.

    Notes
    -----
    The simulation has normal values with the design's rows and the feature's own intraclass correlation, estimated with
    all levels standardised. Brown & Forsythe's test takes subjects' means in each level, independent within a
    level; subjects shared by levels make it conservative. (Values centred by subject would not do: with two levels
    their residuals have equal sds, whatever the scales.) Both are asked for because a skewed feature exceeds the
    normal limit with one scale too. A facet whose levels the data calibrate already is compared in its units, the other
    facet after that calibration.
    """
    layout = Layout(data)
    value = data["value"] if "feature" in data.dims else data["value"].expand_dims(feature=[data.attrs["feature"]])
    value = value.transpose("measurement", "feature")
    facets = [facet for facet in ("scanner", "preprocessing") if f"{facet}_index" in data]
    patterns, part = np.unique(value.notnull().values.T, axis=0, return_inverse=True)
    found: dict[str, Any] = {}
    compared: list[dict[str, np.ndarray]] = []
    for facet in facets:
        level, labels = layout.levels(facet), data[facet].values
        raw = _in_units(value, layout, facet)
        own: dict[str, np.ndarray] = {}
        for number, given in enumerate(patterns):  # features that were measured in the same rows
            features = np.flatnonzero(part.ravel() == number)
            some = _compare(raw[np.ix_(given, features)], level[given], layout.levels("subject")[given], labels.size)
            for name, result in some.items():
                own.setdefault(name, np.empty((*result.shape[:-1], raw.shape[1]), result.dtype))[..., features] = result
        for name in ("location", "sd"):
            found[f"{facet}_{name}"] = (("feature", facet), own.pop(name).T)
        compared.append(own | {name: labels[own[name]] for name in ("widest", "narrowest")})
    for name in COMPARED if facets else ():
        found[name] = (("feature", "facet"), np.stack([own[name] for own in compared], axis=1))
    coords = {"feature": value["feature"].values, "facet": np.array(facets, dtype=str)}
    return xr.Dataset(found, coords=coords | {facet: data[facet].values for facet in facets})


def find_cautions(data: xr.Dataset) -> list[str]:
    """A sentence for each facet whose levels differ in scale, and are not calibrated: what was found, and what to do.

    Scales that differ by less than a factor of ten are worth a sentence where they are more than chance has among so
    many features.
    """
    found = level_spread(data)
    sentences = []
    for facet in map(str, found["facet"].values):
        if facet == Layout(data).calibrated:
            continue
        own = found.sel(facet=facet)
        verdict = own["verdict"].values
        meaningless, different = (np.flatnonzero(verdict == kind) for kind in (MEANINGLESS, DIFFERENT))
        total = verdict.size
        if meaningless.size:
            sentences.append(
                f"{facet}: {_describe(own, meaningless, facet)}. Levels in different units have no common variance, so "
                f"what is pooled over them (ICCs, sds, coefficients) means nothing. {_mend(data, facet)}"
            )
        elif different.size > stats.binom.ppf(1.0 - FALSE_ALARM, total, FALSE_ALARM):
            sentences.append(
                f"{facet}: {_describe(own, different, facet)}. The variances are averages over levels with different "
                f"scales. {_mend(data, facet)}"
            )
    return sentences


def _describe(own: xr.Dataset, flagged: np.ndarray, facet: str) -> str:
    worst = own.isel(feature=flagged[int(np.argmax(own["sd_ratio"].values[flagged]))])
    total = own.sizes["feature"]
    what = f"{flagged.size} of {total} features have sds" if total > 1 else f"{worst['feature'].item()} has sds"
    return (
        f"{what} that differ by {facet} more than sampling explains{', most in ' + worst['feature'].item() if total > 1 else ''}"
        f" (largest sd over smallest {worst['sd_ratio'].item():.3g}, {worst['widest'].item()} over "
        f"{worst['narrowest'].item()}; one scale would give up to {worst['ratio_limit'].item():.2g})"
    )


def _mend(data: xr.Dataset, facet: str) -> str:
    log = "" if data.attrs["transformation"] == "log" else "take scale='log' for positive features, "
    return (
        f"Give each {facet} a location and a scale of its own, Stability(heteroscedastic={facet!r}), {log}or fit strata "
        f"of like {facet}s apart."
    )


def _in_units(value: xr.DataArray, layout: Layout, facet: str) -> np.ndarray:
    """Values as they are compared, shape (measurement, feature): in units, or calibrated if the other facet is."""
    back = layout.transformation
    if layout.calibrated and layout.calibrated != facet:
        return value.values
    location, scale = back.location, back.scale
    if layout.calibrated:
        rows = xr.DataArray(layout.levels(facet), dims="measurement")
        location, scale = (own.isel({facet: rows}).drop_vars(facet) for own in (location, scale))
    return (value * scale + location).transpose("measurement", "feature").values


def _compare(value: np.ndarray, level: np.ndarray, subject: np.ndarray, n_levels: int) -> dict[str, np.ndarray]:
    """Locations and sds, shape (level, feature), and their comparison; `value` has shape (measurement, feature)."""
    cells, first, counts = np.unique(level * (subject.max() + 1) + subject, return_inverse=True, return_counts=True)
    of_level = cells // (subject.max() + 1)
    member = np.eye(n_levels)[level]
    size = member.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        location = member.T @ value / size[:, None]
        centred = value - location[level]
        sd = np.sqrt(member.T @ centred**2 / (size[:, None] - 1.0))
    used = np.flatnonzero(np.bincount(of_level) >= FEWEST)
    n_features = value.shape[1]
    if used.size < 2:
        unknown, none = np.full(n_features, np.nan), np.zeros(n_features, dtype=int)
        return {
            "location": location,
            "sd": sd,
            **dict.fromkeys(("sd_ratio", "expected_ratio", "ratio_limit", "brown_forsythe_p"), unknown),
            **dict.fromkeys(("widest", "narrowest"), none),
            "verdict": np.full(n_features, UNKNOWN, dtype=VERDICTS),
        }
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = sd[used].max(axis=0) / sd[used].min(axis=0)
        standard = np.where(sd[level] > 0, centred / sd[level], 0.0)
    expected, limit = _simulate(_correlation(standard, subject), member, subject, used)
    means = np.zeros((cells.size, n_features))
    np.add.at(means, first, value)
    means /= counts[:, None]
    p = _test([means[of_level == number] for number in used])
    verdict = np.full(n_features, ALIKE, dtype=VERDICTS)
    verdict[(ratio > limit) & (p < FALSE_ALARM)] = DIFFERENT
    verdict[(ratio > limit) & (ratio > LARGEST_RATIO)] = MEANINGLESS
    return {
        "location": location,
        "sd": sd,
        "sd_ratio": ratio,
        "expected_ratio": expected,
        "ratio_limit": limit,
        "brown_forsythe_p": p,
        "widest": used[sd[used].argmax(axis=0)],
        "narrowest": used[sd[used].argmin(axis=0)],
        "verdict": verdict,
    }


def _correlation(standard: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """Intraclass correlation within subjects, from the one-way analysis of variance; shape (feature,)."""
    counts = np.bincount(subject)
    size, groups = subject.size, counts.size
    if size == groups:
        return np.zeros(standard.shape[1])
    sums = np.zeros((groups, standard.shape[1]))
    np.add.at(sums, subject, standard)
    means = sums / counts[:, None]
    grand = standard.mean(axis=0)
    between = (counts[:, None] * (means - grand) ** 2).sum(axis=0) / (groups - 1)
    within = ((standard - means[subject]) ** 2).sum(axis=0) / (size - groups)
    each = (size - (counts**2).sum() / size) / (groups - 1)
    total = between + (each - 1.0) * within
    return np.clip(np.divide(between - within, total, out=np.zeros_like(total), where=total > 0), 0.0, 1.0)


def _simulate(
    correlation: np.ndarray, member: np.ndarray, subject: np.ndarray, used: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Median and limit of the ratio of sds when all levels have one scale, shape (feature,)."""
    rng = np.random.default_rng(0)  # the same answer for the same data
    member = member[:, used]
    size = member.sum(axis=0)
    shared = rng.standard_normal((SIMULATIONS, int(subject.max()) + 1))[:, subject]
    own = rng.standard_normal((SIMULATIONS, subject.size))

    def cross(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Sums of products within levels, about the levels' means."""
        return (left * right) @ member - (left @ member) * (right @ member) / size

    squares = cross(shared, shared), cross(shared, own), cross(own, own)
    # Features whose correlations agree in two digits share a reference.
    rounded, place = np.unique(np.round(correlation, 2), return_inverse=True)
    limits = np.empty((2, rounded.size))
    for number, share in enumerate(rounded):
        both = np.sqrt(share * (1.0 - share))
        total = share * squares[0] + 2.0 * both * squares[1] + (1.0 - share) * squares[2]
        spread = np.sqrt(np.maximum(total, 0.0) / (size - 1.0))
        ratio = spread.max(axis=1) / np.maximum(spread.min(axis=1), 1e-12)
        limits[:, number] = np.quantile(ratio, (0.5, 1.0 - FALSE_ALARM))
    return limits[0, place], limits[1, place]


def _test(groups: list[np.ndarray]) -> np.ndarray:
    """P values of Brown & Forsythe's test of equal spread, by column; NaN where no level has any."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(stats.levene(*groups, center="median", axis=0).pvalue)
