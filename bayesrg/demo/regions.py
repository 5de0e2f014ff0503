"""Tumours with several regions, whose features follow their genes in a way that is known.

Two features and two genes of regions at known places. The mean intensity follows VEGFA by nearly the same coefficient
in all regions: a universal link. The joint entropy follows VEGFA too, but by a coefficient that changes from place to
place and is nearly nil on average: a local link. MKI67 has to do with neither. Both features are smooth in space,
whatever the genes do.
"""

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.demo.comparison import compare
from bayesrg.inference import fit
from bayesrg.models import MultiRegion
from bayesrg.models.regions.correlation import reach
from bayesrg.simulation.clones import ExpressedGene
from bayesrg.simulation.regions import simulate_regions

UNIVERSAL, LOCAL = "statistics_mean", "glcm_joint_entropy_3d_merged"
SCALES = {UNIVERSAL: (60.0, 15.0), LOCAL: (6.0, 0.8)}
"""Of each feature what is added to, and multiplies, the numbers that are drawn on the model's scale."""

GENES = {
    "VEGFA": ExpressedGene(tumor_sd=0.7, branch_sd=0.4, trend_sd=0.8, noise_sd=0.1),
    "MKI67": ExpressedGene(tumor_sd=0.7, branch_sd=0.4, trend_sd=0.8, noise_sd=0.1),
}
PLACE = ["x", "y", "z"]
MODEL = MultiRegion()


def simulate_tumors(n_tumors: int, seed: int) -> tuple[pd.DataFrame, xr.Dataset]:
    """Return a table of tumours' regions with places, genes and features, and the truth about their links.

    Parameters
    ----------
    n_tumors : tumours, each with five to eight regions
    seed : the same seed gives the same table

    Returns
    -------
    The table, as `bayesrg.simulation.simulate_regions` makes it, with the features of `SCALES`; and a Dataset with
    `B_0`, `tumor_sd` and `space_sd` (feature, gene; in the feature's unit per sd of the gene) and `length_scale`
    (process; mm).
    """
    rng = np.random.default_rng([seed, n_tumors])
    table = simulate_regions(n_tumors, (5, 8), genes=GENES, seed=rng)
    # The model standardises features, so that any that vary will do to lay the regions out.
    table = table.assign(**{name: rng.standard_normal(len(table)) for name in SCALES})
    parameters = _state_truth()
    value = MODEL.simulate(_lay_out(table), rng, parameters)["data"].to_dataset()["value"]
    for name, (mean, unit) in SCALES.items():
        table[name] = mean + unit * value.sel(feature=name).values
    units = xr.DataArray([unit for _, unit in SCALES.values()], coords={"feature": list(SCALES)})
    truth = parameters[["B_0", "tumor_sd", "space_sd"]] * units
    return table, truth.assign(length_scale=parameters["length_scale"])


def fit_links(
    table: pd.DataFrame, *, seed: int, draws: int | None, tune: int, chains: int, progress: bool
) -> xr.DataTree:
    """Return the fit of the features by the genes; `draws` to `progress` are as `bayesrg.fit` takes them."""
    return fit(MODEL, _lay_out(table), seed=seed, draws=draws, tune=tune, chains=chains, progress=progress)


def compare_links(tree: xr.DataTree, truth: xr.Dataset) -> pd.DataFrame:
    """Return the truth about links beside what the posterior found; columns as in `bayesrg.demo.comparison.COLUMNS`.

    Coefficients are in sds of the feature, as they were measured, per sd of the gene; lengths in mm.
    """
    estimands, scale = tree["estimands"].to_dataset(), tree["constant_data"].to_dataset()["scale"]
    words = {"B_0": "B_0", "link_tumor_sd": "sd of B between tumours", "link_space_sd": "sd of B in space"}
    names = {"B_0": "B_0", "link_tumor_sd": "tumor_sd", "link_space_sd": "space_sd"}
    rows = []
    for name, word in words.items():
        known = truth[names[name]] / scale
        for feature in map(str, known["feature"].values):
            for gene in map(str, known["gene"].values):
                link = {"feature": feature, "gene": gene}
                rows.append((f"{word}: {feature} by {gene}", float(known.sel(link)), estimands[name].sel(link)))
    for process in map(str, truth["process"].values):
        length = float(truth["length_scale"].sel(process=process)) * reach(MODEL.spatial, np.exp(-1.0))
        drawn = estimands["correlation_length"].sel(process=process)
        rows.append((f"correlation length of {process}, mm", length, drawn))
    return compare(rows)


def _lay_out(table: pd.DataFrame) -> xr.Dataset:
    units = {UNIVERSAL: "intensity"}
    return MODEL.prepare(table, features=list(SCALES), genes=list(GENES), coordinates=PLACE, units=units)


def _state_truth() -> xr.Dataset:
    """Everything that the model samples, on its own scale: features by genes, universal before local."""
    links = {
        "B_0": [[0.7, 0.0], [0.1, 0.0]],
        "tumor_sd": [[0.05, 0.05], [0.15, 0.05]],
        "space_sd": [[0.05, 0.05], [0.7, 0.05]],
    }
    shares = {"tumor": 0.35, "space": 0.4, "residual": 0.25}
    return xr.Dataset(
        {
            **{name: (("feature", "gene"), np.array(numbers)) for name, numbers in links.items()},
            "slope_sd": 0.5,
            "heterogeneity_sd": 0.3,
            "within_share": 0.5,
            "total_sd": ("feature", [0.8, 0.8]),
            "share": (("feature", "component"), [list(shares.values())] * len(SCALES)),
            "length_scale": ("process", [12.0, 12.0]),
        },
        coords={"feature": list(SCALES), "gene": list(GENES), "component": list(shares), "process": ["a", "B"]},
    )
