"""Whether levels of a facet (scanners, preprocessings) differ in scale: the check before their values are pooled.

A stability model has one scale for all levels. Where pipelines or scanners give a feature in other units, the level
with the largest sd decides every variance, and neither sds nor ICCs of the pool mean anything. The check compares sds
by level with what one scale would give by sampling, and by the test of Brown & Forsythe (1974,
doi:10.1080/01621459.1974.10482955).
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
    quantile of that ratio among simulated levels with one scale; `brown_forsythe_p`; `widest` and `narrowest`, the
    levels with the largest and smallest sd; `verdict`: ``"pooled scale is meaningless"`` (a ratio above 10 and above
    the limit), ``"scales differ"`` (a ratio above the limit and p < 0.01), ``"no sign of it"``, or
    ``"too few subjects to tell"``.

    Notes
    -----
    The simulation draws each level's variance from a chi-square distribution with the degrees of freedom that its
    subjects and their likeness leave (Satterthwaite 1946, doi:10.2307/3002019). Brown & Forsythe's test takes subjects'
    means in each level, which are independent within a level. Both treat levels as independent: subjects that levels
    share make them conservative. (Values centred by subject would not do: with two levels their residuals have equal
    sds, whatever the scales.) Both are asked for because a skewed feature exceeds the normal limit with one scale too.
    A facet whose levels the data calibrate already is compared in its units, the other facet after that calibration.
    """
    layout = Layout(data)
    value = data["value"] if "feature" in data.dims else data["value"].expand_dims(feature=[data.attrs["feature"]])
    value = value.transpose("measurement", "feature")
    facets = [facet for facet in ("scanner", "preprocessing") if f"{facet}_index" in data]
    subject = layout.levels("subject")
    found: dict[str, Any] = {}
    compared: list[dict[str, np.ndarray]] = []
    for facet in facets:
        labels = data[facet].values
        own = _compare(_in_units(value, layout, facet), layout.levels(facet), subject, labels.size)
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
    ratio, limit = worst["sd_ratio"].item(), worst["ratio_limit"].item()
    most = f", most in {worst['feature'].item()}" if total > 1 else ""
    return (
        f"{what} that differ by {facet} more than sampling explains{most} (largest sd over smallest {ratio:.3g}, "
        f"{worst['widest'].item()} over {worst['narrowest'].item()}; one scale would give up to {limit:.2g})"
    )


def _mend(data: xr.Dataset, facet: str) -> str:
    log = "" if data.attrs["transformation"] == "log" else "take scale='log' for positive features, "
    return (
        f"Give each {facet} a location and a scale of its own, Stability(heteroscedastic={facet!r}), {log}or fit "
        f"strata of like {facet}s apart."
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
    given = ~np.isnan(value)
    member = np.eye(n_levels)[level].T
    size = member @ given
    with np.errstate(invalid="ignore", divide="ignore"):
        location = member @ np.where(given, value, 0.0) / size
        centred = np.where(given, value - location[level], 0.0)
        sd = np.sqrt(member @ centred**2 / np.where(size > 1, size - 1.0, np.nan))
        standard = np.where(given & (sd[level] > 0), centred / sd[level], np.nan)

    cells, cell = np.unique(level * (subject.max() + 1) + subject, return_inverse=True)
    of_level = cells // (subject.max() + 1)
    means = _group_means(value, cell)
    subjects = np.eye(n_levels)[of_level].T @ ~np.isnan(means)
    used = subjects >= FEWEST
    known = used.sum(axis=0) >= 2

    widest, narrowest = np.where(used, sd, -np.inf).argmax(axis=0), np.where(used, sd, np.inf).argmin(axis=0)
    features = np.arange(value.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(known, sd[widest, features] / sd[narrowest, features], np.nan)
    freedom = _effective_freedom(np.where(used, size, 0.0), subjects, _correlation(standard, subject))
    expected, limit = np.where(known, _expect(freedom), np.nan)
    p = np.where(known, _brown_forsythe(means, of_level, used), np.nan)
    verdict = np.where(known, np.array(ALIKE, dtype=VERDICTS), UNKNOWN)
    verdict[(ratio > limit) & (p < FALSE_ALARM)] = DIFFERENT
    verdict[(ratio > limit) & (ratio > LARGEST_RATIO)] = MEANINGLESS
    return {
        "location": location,
        "sd": sd,
        "sd_ratio": ratio,
        "expected_ratio": expected,
        "ratio_limit": limit,
        "brown_forsythe_p": p,
        "widest": widest,
        "narrowest": narrowest,
        "verdict": verdict,
    }


def _group_means(value: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Means of the values there are, shape (group, feature); NaN where there is none."""
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    given = ~np.isnan(value)
    counts = np.add.reduceat(given[order].astype(float), starts, axis=0)
    sums = np.add.reduceat(np.where(given, value, 0.0)[order], starts, axis=0)
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def _correlation(standard: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """Intraclass correlation within subjects, from the one-way analysis of variance; shape (feature,)."""
    given = ~np.isnan(standard)
    member = np.eye(int(subject.max()) + 1)[subject].T
    counts = member @ given
    size, groups = counts.sum(axis=0), (counts > 0).sum(axis=0)
    filled = np.where(given, standard, 0.0)
    means = member @ filled / np.maximum(counts, 1.0)
    grand = filled.sum(axis=0) / np.maximum(size, 1.0)
    within = np.where(given, filled - means[subject], 0.0)
    within = (within**2).sum(axis=0) / np.maximum(size - groups, 1.0)
    between = (counts * (means - grand) ** 2).sum(axis=0) / np.maximum(groups - 1.0, 1.0)
    each = (size - (counts**2).sum(axis=0) / np.maximum(size, 1.0)) / np.maximum(groups - 1.0, 1.0)
    total = between + (each - 1.0) * within
    return np.clip(np.divide(between - within, total, out=np.zeros_like(total), where=total > 0), 0.0, 1.0)


def _effective_freedom(size: np.ndarray, subjects: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Degrees of freedom of each level's variance (Satterthwaite 1946), shape (level, feature); zero without values.

    With m subjects of r values each, m - 1 contrasts have the variance 1 + (r - 1) rho and m (r - 1) have 1 - rho.
    """
    repeats = np.divide(size, subjects, out=np.ones_like(size), where=subjects > 0)
    shared, own = 1.0 + (repeats - 1.0) * correlation, 1.0 - correlation
    among, inside = np.maximum(subjects - 1.0, 0.0), subjects * (repeats - 1.0)
    freedom = (among * shared + inside * own) ** 2 / np.maximum(among * shared**2 + inside * own**2, 1e-12)
    return np.where(size > 0, freedom, 0.0)


def _expect(freedom: np.ndarray) -> np.ndarray:
    """Median and limit of the ratio of sds when all levels have one scale, shape (2, feature)."""
    # Features whose degrees of freedom agree in a tenth share a simulation.
    kinds, place = np.unique(np.round(freedom, 1), axis=1, return_inverse=True)
    limits = np.full((2, kinds.shape[1]), np.nan)
    for number, kind in enumerate(kinds.T):
        own = kind[kind > 0]
        if own.size < 2:
            continue
        drawn = np.sqrt(np.random.default_rng(0).chisquare(own, (SIMULATIONS, own.size)) / own)  # the same every time
        ratio = drawn.max(axis=1) / np.maximum(drawn.min(axis=1), 1e-12)
        limits[:, number] = np.quantile(ratio, (0.5, 1.0 - FALSE_ALARM))
    return limits[:, place.ravel()]


def _brown_forsythe(means: np.ndarray, group: np.ndarray, used: np.ndarray) -> np.ndarray:
    """P values of Brown & Forsythe's test of equal spread, by feature; NaN where no level has any.

    `scipy.stats.levene` for many features, each with its own missing values.

    Parameters
    ----------
    means : ndarray, shape (cell, feature), NaN where a cell is missing
    group : ndarray of int, shape (cell,), the level of each cell
    used : ndarray of bool, shape (level, feature)
    """
    given = ~np.isnan(means) & used[group]
    deviation = np.zeros_like(means)
    for level in range(used.shape[0]):
        own = group == level
        ordered = np.sort(np.where(given[own], means[own], np.inf), axis=0)
        count = given[own].sum(axis=0)
        middle = np.stack([np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(ordered) - 1)])
        median = np.take_along_axis(ordered, middle, axis=0).mean(axis=0)
        deviation[own] = np.abs(np.where(given[own], means[own] - np.where(count > 0, median, 0.0), 0.0))
    member = np.eye(used.shape[0])[group].T
    counts = member @ given
    centre = member @ deviation / np.maximum(counts, 1.0)
    size, groups = counts.sum(axis=0), used.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        grand = deviation.sum(axis=0) / size
        among = (counts * (centre - grand) ** 2).sum(axis=0) / (groups - 1.0)
        within = np.where(given, deviation - centre[group], 0.0)
        within = (within**2).sum(axis=0) / (size - groups)
        return np.asarray(stats.f.sf(among / within, groups - 1.0, size - groups))
