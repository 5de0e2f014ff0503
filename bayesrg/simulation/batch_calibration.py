"""`calibrate_batch`: simulation-based calibration of a model as `fit` samples it for many features at once.

Data sets drawn from the prior stand side by side as the features of one design, so that thousands are calibrated in the
time that a sampler takes for a few: importance sampling, its resampling to equal weights, the fall-back to NUTS and the
recovery of effects are all part of what is tested.
"""

from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.inference.batches import sample_members
from bayesrg.inference.provenance import describe, hash_dataset, now, versions
from bayesrg.simulation.uniformity import Calibration, write_json

CHAINS, DRAWS, TUNE = 4, 500, 1000  # as `fit` draws them for many features


def calibrate_batch(
    model: Any,
    design: xr.Dataset,
    n: int,
    *,
    seed: int,
    kept: int = 100,
    executor: Executor | None = None,
    out: str | Path | None = None,
    progress: bool = True,
) -> Calibration:
    """Ranks of true values among the draws of `n` data sets simulated from the prior and sampled as one batch.

    Parameters
    ----------
    model : a model that samples batches of features, such as `Stability`
    design : Dataset of `model.prepare` for one feature; its values are ignored, its transformation is kept
    n : number of data sets
    seed : the same seed gives the same ranks
    kept : draws that the truth is ranked among; divides the 2,000 draws of a feature
    executor : any `concurrent.futures.Executor`; None works here, on all cores
    out : where the result is written as JSON
    progress : show a progress bar

    Returns
    -------
    Calibration, whose quantities are the variances, the first and the last level of every recovered effect, every
    real-valued estimand and the joint log likelihood; of those with the same ranks in every data set only the first.
    Its diagnostics are those of each data set: Pareto k, the effective sample size of the weights, and the method.

    Raises
    ------
    ValueError
        If `kept` does not divide the number of draws.
    """
    if CHAINS * DRAWS % kept:
        raise ValueError(f"kept={kept} must divide the {CHAINS * DRAWS} draws of a feature")
    drawn = model.draw_prior(design, np.random.default_rng([seed, 0]), n)
    names = [str(number) for number in range(n)]
    data = _side_by_side(design, drawn["data"]["value"].values, names)
    posterior, statistics = sample_members(
        model, data, seed=seed, draws=DRAWS, tune=TUNE, chains=CHAINS, executor=executor, progress=progress
    )
    truth = drawn["parameters"].to_dataset().rename(draw="feature").assign_coords(feature=names)
    appended = _append(posterior, truth, kept)
    ranks = {
        name: (own[..., :-1] < own[..., -1:]).sum(axis=-1) for name, own in _quantities(model, appended, data).items()
    }
    table = pd.DataFrame(ranks)
    diagnostics = pd.DataFrame(
        {
            "min_ess": statistics["importance_ess"].values.round(1),
            "pareto_k": statistics["pareto_k"].values.round(3),
            "max_r_hat": statistics["r_hat"].values.round(4),
            "divergences": statistics["divergences"].values.astype(int),
            "method": statistics["method"].values.astype(str),
        }
    )
    settings = {
        "model": describe(model),
        "design": {
            "sha256": hash_dataset(design.drop_vars("value")),
            "sizes": {str(k): v for k, v in design.sizes.items()},
        },
        "n": n,
        "seed": seed,
        "draws": DRAWS,
        "tune": TUNE,
        "chains": CHAINS,
        "kept": kept,
    }
    result = Calibration(
        table.loc[:, ~table.T.duplicated()], diagnostics.replace({np.nan: None}), kept, settings, versions(), now()
    )
    if out is not None:
        write_json(result.to_dict(), out)
    return result


def _side_by_side(design: xr.Dataset, value: np.ndarray, names: list[str]) -> xr.Dataset:
    """Data sets (draw, measurement) as the features of one design."""
    attributes = {name: design.attrs[name] for name in ("unit", "family", "location", "scale")}
    data = design.drop_vars("value").assign(value=(("measurement", "feature"), value.T))
    along: dict[str, Any] = {name: ("feature", [own] * len(names)) for name, own in attributes.items()}
    data = data.assign_coords(feature=names, **along)
    data.attrs = {key: own for key, own in design.attrs.items() if key not in {"feature", *attributes}}
    return data.assign_attrs(left_out="{}")


def _append(posterior: xr.Dataset, truth: xr.Dataset, kept: int) -> xr.Dataset:
    """Evenly spaced draws of every variable that both have, in one chain, the truth as the last draw."""
    stacked = posterior.stack(sample=("chain", "draw"), create_index=False)
    stacked = stacked.isel(sample=slice(None, None, stacked.sizes["sample"] // kept)).drop_vars(["chain", "draw"])
    joined: Mapping[str, xr.DataArray] = {
        str(name): xr.concat([own, truth[name].expand_dims("sample")], "sample")
        for name, own in stacked.data_vars.items()
    }
    return xr.Dataset(joined).rename(sample="draw").expand_dims(chain=[0]).assign_coords(draw=np.arange(kept + 1))


def _quantities(model: Any, posterior: xr.Dataset, data: xr.Dataset) -> dict[str, np.ndarray]:
    """Everything that is ranked, each of shape (data set, draw)."""
    real = {name: own for name, own in model.estimands(posterior, data).data_vars.items() if own.dtype.kind == "f"}
    found: dict[str, np.ndarray] = {}
    for name, own in {**posterior.data_vars, **real}.items():
        ordered = own.isel(chain=0).transpose("feature", "draw", ...)
        effect = name in posterior and name != "variance"
        if effect:
            ordered = ordered.isel({dim: [0, -1] for dim in ordered.dims[2:]})
        for spot in np.ndindex(ordered.shape[2:]):
            labels = [str(ordered[dim].values[k]) for dim, k in zip(ordered.dims[2:], spot, strict=True)]
            values = ordered.values[(..., *spot)]
            if np.isfinite(values).all():  # an estimand that some data sets lack cannot be ranked
                found[f"{name}[{', '.join(labels)}]" if labels else str(name)] = values
    found["log_likelihood"] = _log_likelihood(model, posterior, data)
    return found


def _log_likelihood(model: Any, posterior: xr.Dataset, data: xr.Dataset) -> np.ndarray:
    """Joint log density of each data set at each draw, shape (data set, draw)."""
    variance = posterior["variance"].isel(chain=0).transpose("feature", "draw", "component").values
    found = np.empty(variance.shape[:2])
    start = 0
    for batch in model.batches(data, len(variance)):
        rows = slice(start, start := start + batch.data.sizes["feature"])
        found[rows] = batch.log_likelihood(variance[rows])
    return found
