"""Intra-tumour heterogeneity of any column: how much it varies among regions of a tumour, and how much among tumours.

    f_rt = mu + alpha_t + epsilon_rt,    alpha_t ~ Normal(0, between),  epsilon_rt ~ Normal(0, within)

for a feature of images, or a column of genomes, in region r of tumour t. This is heterogeneity of f or of g, each by
itself; heterogeneity of what links the two is another question and has another model. The posterior is that of
`Stability` with tumours for subjects, and the share between tumours is the intraclass correlation of a one-way layout
(Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420, their form 1,1).

What no such table can tell: two regions differ because the tumour does, and because each is measured once and with
error. The variance within tumours holds both. Regions that are of different kinds (core and rim, say) differ by their
kind as well: take the kinds' means out first where that is not what is asked.
"""

import json
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.design import factor, number, read_features
from bayesrg.errors import DesignError, TableError, list_some
from bayesrg.inference.diagnosis import diagnose
from bayesrg.inference.fitting import fit
from bayesrg.models.stability import Stability
from bayesrg.transformation import Scale, transform
from bayesrg.variables import OWN_UNIT

__all__ = ["MEANING", "intra_tumor_heterogeneity"]

# Of the whole variance: what arithmetic leaves within tumours of a column that is the same in all of their regions.
SAME = 1e-18
# 95 % intervals of the share between tumours that are wider than this say neither that it is low nor that it is high.
WIDE = 0.6
BINS = 10  # of the share, for the area that prior and posterior have in common: more would count their noise
SQUARE = f"square of {OWN_UNIT}"
MEANING: Mapping[str, tuple[str, str]] = {
    "variance_within": ("variance among regions of a tumour, in the superpopulation", SQUARE),
    "variance_between": ("variance among tumours, in the superpopulation", SQUARE),
    "sd_within": ("standard deviation among regions of a tumour", OWN_UNIT),
    "sd_between": ("standard deviation among tumours", OWN_UNIT),
    "icc": ("share of the variance that is between tumours: the intraclass correlation", "1"),
    "icc_above": ("the share between tumours exceeds the threshold (its mean is the probability)", "1"),
    "regions": ("regions of the tumour that have a value", "regions"),
    "observed_variance": ("variance among the tumour's observed regions; NaN of fewer than two", SQUARE),
    "observed_variance_within": ("mean of these variances, each weighted by its regions less one", SQUARE),
    "observed_variance_between": ("variance of the means of the tumours observed", SQUARE),
    "tumors": ("tumours with a value", "tumours"),
    "tumors_with_several": ("tumours with values of two regions or more", "tumours"),
    "prior_overlap": ("area that prior and posterior of the share have in common; 1 if the data say nothing", "1"),
    "pareto_k": ("diagnostic of importance sampling; NaN where NUTS was used instead", "1"),
}
ERROR = (
    "the variance within tumours is that of regions and of the error of measuring each of them once: only repeated "
    "measurements of a region tell the two apart"
)
KINDS = (
    "regions are taken to be of one kind: systematic differences between kinds, such as core and rim, count as within"
)


def intra_tumor_heterogeneity(
    table: pd.DataFrame,
    columns: Sequence[str],
    *,
    tumor: str,
    seed: int,
    scale: Scale = "z_score",
    units: Mapping[str, str] | None = None,
    thresholds: tuple[float, ...] = (0.25, 0.5, 0.75),
    draws: int = 500,
    chains: int = 4,
) -> xr.Dataset:
    """How each column's variance divides into that among regions of a tumour and that among tumours.

    Parameters
    ----------
    table : a row a region
    columns : of numbers: features of images, expression, pathway scores, mutations as 0 and 1
    tumor : column of labels
    seed : the same seed gives the same draws
    scale : ``"z_score"`` (variances in the column's units), ``"log"`` (of the natural logarithm) or ``"rank_normal"``
        (of normal scores); two-valued columns are taken as they are
    units : column -> unit
    thresholds : shares between tumours to be exceeded
    draws, chains : draws of the posterior that are kept, and the chains that they are dealt into

    Returns
    -------
    Dataset with `variance_within`, `variance_between`, `sd_within`, `sd_between`, `icc` (chain, draw, feature) and
    `icc_above` (chain, draw, feature, threshold); of the regions observed `regions` and `observed_variance` (tumor,
    feature), `observed_variance_within`, `observed_variance_between`, `tumors`, `tumors_with_several` (feature);
    `prior_overlap`, `pareto_k` and `verdict` (feature). Along `feature` stand `unit`, `transformation` and
    `two_valued`. Attributes (JSON): `left_out` (column -> reason), `cautions` (what these data cannot tell), `dropped`.

    Raises
    ------
    TableError
        For absent columns, missing labels, or if no column has a number.
    DesignError
        If no tumour has two regions, there is one tumour only, or no column varies within tumours.

    Warns
    -----
    UserWarning
        If columns are left out: those that are the same in all regions of every tumour (there is no variance to know,
        only that none was seen), that have too few values, or that are not numbers.

    References
    ----------
    Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420; finite populations: Gelman 2005,
    doi:10.1214/009053604000001048.

    Examples
    --------
    >>> regions = pd.DataFrame({"tumor": list("aaabbbccc"), "entropy": [1.0, 2, 3, 5, 6, 7, 9, 10, 11]})
    >>> found = intra_tumor_heterogeneity(regions, ["entropy"], tumor="tumor", seed=1)
    >>> found["observed_variance"].sel(feature="entropy").values.tolist()
    [1.0, 1.0, 1.0]
    >>> bool(found["icc_above"].sel(feature="entropy", threshold=0.5).mean() > 0.9)
    True
    """
    kept, values, left_out, dropped = read_features(table, list(columns))
    index, tumors = number(factor(kept, tumor, "tumor"))
    if np.bincount(index).max() < 2:
        raise DesignError(
            f"no tumour of column {tumor!r} has two rows, so the variance within tumours cannot be known: name the "
            "column of tumours, not that of regions, in a table with a row a region"
        )
    two_valued = {name for name, value in values.items() if np.unique(value[~np.isnan(value)]).size == 2}
    chosen: dict[Scale, list[str]] = {"z_score": [], scale: []}
    observed = []
    for name, value in values.items():
        own: Scale = "z_score" if name in two_valued else scale
        try:
            observed.append(_observe(_onto_scale(value, own, name), index, tumors, name))
        except (TableError, DesignError) as problem:
            left_out[name] = str(problem)
        else:
            chosen[own].append(name)
    if not observed:
        raise DesignError(f"no column can be used: {list_some(left_out.items(), show=': '.join, between='; ')}")
    if left_out:
        reasons = list_some(left_out.items(), show=": ".join, between="; ")
        warnings.warn(f"{len(left_out)} of {len(columns)} columns are left out: {reasons}", stacklevel=2)
    model = Stability(thresholds=thresholds)
    fits = []
    for own, names in chosen.items():
        if names:
            data = model.prepare(kept, features=names, subject=tumor, scale=own, unit=units)
            fits.append(_divide(fit(model, data, seed=seed, draws=draws, chains=chains, progress=False), data, model))
    ordered = [name for name in columns if name not in left_out]
    found, plain = (xr.concat(parts, "feature").sel(feature=ordered) for parts in (fits, observed))
    found = found.merge(plain)
    found = found.assign_coords(two_valued=("feature", [name in two_valued for name in found["feature"].values]))
    for name, (meaning, unit) in MEANING.items():
        found[name].attrs = {"meaning": meaning, "unit": unit}
    return found.transpose("chain", "draw", "tumor", "feature", ...).assign_attrs(
        left_out=json.dumps(left_out), cautions=json.dumps(_caution(found)), dropped=json.dumps(dropped), seed=seed
    )


def _onto_scale(value: np.ndarray, scale: Scale, name: str) -> np.ndarray:
    """Values whose variances are divided: as they are, their logarithms or their normal scores; NaN where missing."""
    given = ~np.isnan(value)
    standardised, back = transform(value[given], scale, name)
    found = np.full(value.size, np.nan)
    found[given] = standardised * back.scale + back.location
    return found


def _observe(value: np.ndarray, index: np.ndarray, tumors: np.ndarray, name: str) -> xr.Dataset:
    """Variances among the regions and the tumours that were observed: plain numbers of a finite population.

    Raises
    ------
    DesignError
        If the column has a value of one tumour only, of no tumour two values, or does not vary within any.
    """
    given = ~np.isnan(value)
    regions = np.bincount(index[given], minlength=tumors.size)
    several, seen = regions > 1, regions > 0
    if seen.sum() < 2 or not several.any():
        raise DesignError(f"it has values in {seen.sum()} tumour(s), in {several.sum()} of them of two regions or more")
    means = np.bincount(index[given], value[given], minlength=tumors.size) / np.maximum(regions, 1)
    squares = np.bincount(index[given], (value[given] - means[index[given]]) ** 2, minlength=tumors.size)
    within = squares.sum() / (regions[several] - 1).sum()
    if within <= SAME * value[given].var():
        raise DesignError(
            f"it is the same in all regions of each of {several.sum()} tumour(s), so its variance within tumours is "
            "not known, only that none was seen"
        )
    variance = np.where(several, squares / np.maximum(regions - 1, 1), np.nan)
    return xr.Dataset(
        {
            "regions": ("tumor", regions),
            "observed_variance": ("tumor", variance),
            "observed_variance_within": within,
            "observed_variance_between": means[seen].var(ddof=1),
            "tumors": seen.sum(),
            "tumors_with_several": several.sum(),
        },
        coords={"tumor": tumors},
    ).expand_dims(feature=[name])


def _divide(tree: xr.DataTree, data: xr.Dataset, model: Stability) -> xr.Dataset:
    """The posterior of a fit in the words of tumours and regions, and in the columns' units."""
    posterior, estimands = tree["posterior"].to_dataset(), tree["estimands"].to_dataset()
    squared = data["scale"].reset_coords(drop=True) ** 2
    variance = posterior["variance"] * (squared if data.attrs["transformation"] != "rank_normal" else 1.0)
    within, between = (variance.sel(component=name, drop=True) for name in ("residual", "subject"))
    icc = estimands["icc"].sel(condition="overall", drop=True)
    prior = tree["prior_estimands"]["icc"].sel(condition="overall", drop=True)
    before, after = (
        np.apply_along_axis(_histogram, -1, own.stack(sample=("chain", "draw")).values) for own in (prior, icc)
    )
    diagnosis = diagnose(tree)
    names = data["feature"].values
    return xr.Dataset(
        {
            "variance_within": within,
            "variance_between": between,
            "sd_within": within**0.5,
            "sd_between": between**0.5,
            "icc": icc,
            "icc_above": estimands["icc_above"].sel(condition="overall", drop=True),
            "prior_overlap": ("feature", np.minimum(after, before).sum(axis=-1)),
            "pareto_k": ("feature", tree["sample_stats"]["pareto_k"].values),
            "verdict": ("feature", [diagnosis.verdict_of(str(name)) for name in names]),
        }
    ).assign_coords(
        unit=("feature", data["unit"].values.astype(str)),
        transformation=("feature", [data.attrs["transformation"]] * names.size),
    )


def _histogram(share: np.ndarray) -> np.ndarray:
    """Return which part of the draws of a share lies in each of some equal bins."""
    return np.histogram(share, BINS, (0.0, 1.0))[0] / share.size


def _caution(found: xr.Dataset) -> list[str]:
    """What these regions cannot tell, in sentences."""
    cautions = [ERROR, KINDS]
    single = found["tumors"] - found["tumors_with_several"]
    if (single > 0).any():
        most = single.max().item()
        cautions.append(
            f"up to {most} of {found.sizes['tumor']} tumours have one region with a value and say nothing of the "
            "variance within tumours"
        )
    lower, upper = found["icc"].quantile([0.025, 0.975], ("chain", "draw"))
    wide = found["feature"].values[(upper - lower > WIDE).values]
    if wide.size:
        cautions.append(
            f"of {wide.size} of {found.sizes['feature']} columns the 95 % interval of the share between tumours is "
            f"wider than {WIDE}: whether they vary within tumours or between them is not decided ({list_some(wide)})"
        )
    if found["two_valued"].any():
        cautions.append(
            "two-valued columns are taken as the numbers that they are: their variances say how often regions of a "
            "tumour disagree, and their intervals rest on a normal distribution that they do not have "
            f"({list_some(found['feature'].values[found['two_valued'].values])})"
        )
    failed = found["feature"].values[(found["verdict"] != "converged").values]
    if failed.size:
        cautions.append(f"sampling failed for {failed.size} columns ({list_some(failed)}): do not use them")
    return cautions
