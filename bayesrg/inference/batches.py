"""Many small posteriors at once: importance sampling for each member of a batch, and NUTS for those it fails.

A member is a feature of a data set with the dim `feature`. Its weighted draws are resampled to equal weights and stand
in four pseudo-chains, so that every later step reads them as it reads the draws of a sampler; R-hat does not apply to
them, and Pareto k says whether they may be trusted (Vehtari et al. 2024, JMLR 25:72).
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed

import numpy as np
import xarray as xr

from bayesrg.inference.diagnosis import ESS, IMPORTANCE, NUTS, PARETO_K
from bayesrg.inference.importance import sample_batch
from bayesrg.inference.model import Batch, Batches

BLOCK = 64  # members that a thread takes at a time


def sample_members(
    model: Batches,
    data: xr.Dataset,
    *,
    seed: int,
    draws: int,
    tune: int,
    chains: int,
    executor: Executor | None,
    progress: bool,
) -> tuple[xr.Dataset, xr.Dataset]:
    """Posterior of every feature, and how it was sampled.

    Returns
    -------
    posterior : Dataset over chain, draw and feature
    statistics : `method`, `pareto_k`, `importance_ess`, `r_hat` and `divergences` by feature; NaN where a number does
        not apply to the method
    """
    batches = model.batches(data, BLOCK)
    parts = []
    for posterior, statistics in _shown(
        _work(batches, seed, chains * draws, executor), data.sizes["feature"], progress
    ):
        trusted = (statistics["pareto_k"] <= PARETO_K) & (statistics["importance_ess"] >= ESS)
        kept = np.flatnonzero(trusted.values)
        parts.append((_in_chains(posterior.isel(feature=kept), chains), statistics.isel(feature=kept)))
    done = {str(name) for _, statistics in parts for name in statistics["feature"].values}
    left = [name for name in map(str, data["feature"].values) if name not in done]
    parts += _sample_singly(model, data, left, seed, draws, tune, chains, progress)
    posterior, statistics = (xr.concat(own, "feature", join="outer") for own in zip(*parts, strict=True))
    # Levels in the order of the data, not in that in which the parts came; a level that a feature lacks has NaN.
    order = {dim: data[dim].values for dim in posterior.dims if dim in data.coords}
    return posterior.sel(order), statistics.sel(feature=order["feature"])


def sample_batch_of_features(batch: Batch, seed: Sequence[int], draws: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Equal-weight draws of the members of a batch, dims feature, draw, …, and how trustworthy they are."""
    sampling, recovery = np.random.default_rng(seed).spawn(2)
    found = sample_batch(batch.log_density, batch.start, seed=int(sampling.integers(2**63)), draws=draws)
    posterior = batch.recover(found.draws, recovery)
    names = list(map(str, posterior["feature"].values))
    statistics = _statistics(names, IMPORTANCE, pareto_k=found.pareto_k, importance_ess=found.ess)
    return posterior, statistics


def _work(
    batches: Sequence[Batch], seed: int, draws: int, executor: Executor | None
) -> Iterator[tuple[xr.Dataset, xr.Dataset]]:
    own = ThreadPoolExecutor(os.cpu_count()) if executor is None else None
    pool = executor or own
    assert pool is not None
    futures = [
        pool.submit(sample_batch_of_features, batch, (seed, number), draws) for number, batch in enumerate(batches)
    ]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:  # after a failure or an interruption, what has not begun need not begin
        for future in futures:
            future.cancel()
        if own is not None:
            own.shutdown()


def _shown(
    done: Iterator[tuple[xr.Dataset, xr.Dataset]], n: int, progress: bool
) -> Iterator[tuple[xr.Dataset, xr.Dataset]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not progress) as bar:
        task = bar.add_task("features, importance sampling", total=n)
        for block in done:
            bar.advance(task, block[0].sizes["feature"])
            yield block


def _in_chains(posterior: xr.Dataset, chains: int) -> xr.Dataset:
    """Draws dealt into pseudo-chains, dims chain, draw, feature, …"""
    dealt = {}
    for name, own in posterior.data_vars.items():
        values = own.transpose("draw", "feature", ...).values
        dealt[name] = (
            ("chain", "draw", "feature", *(dim for dim in own.dims if dim not in ("draw", "feature"))),
            values.reshape(chains, -1, *values.shape[1:]),
        )
    kept = {dim: own for dim, own in posterior.coords.items() if dim != "draw"}
    draws = posterior.sizes["draw"] // chains
    return xr.Dataset(dealt, coords={**kept, "chain": np.arange(chains), "draw": np.arange(draws)})


def _sample_singly(
    model: Batches,
    data: xr.Dataset,
    names: Sequence[str],
    seed: int,
    draws: int,
    tune: int,
    chains: int,
    progress: bool,
) -> Iterator[tuple[xr.Dataset, xr.Dataset]]:
    """NUTS for the features that importance sampling failed; features of one structure share a compilation."""
    from arviz import rhat
    from rich.progress import track

    from bayesrg.inference.fitting import Sampler

    samplers: list[Sampler] = []
    for number, feature in enumerate(track(names, "features, NUTS", disable=not progress or not names)):
        one = model.select(data, feature)
        structure = Sampler.structure(model.build(one))
        sampler = next((own for own in samplers if own.structure(own.graph) == structure), None)
        if sampler is None:
            samplers.append(sampler := Sampler(model, one))
        # Twice the draws and every other one kept: as many as the other features have, and nearly independent.
        sampled, chain_statistics = sampler.sample(
            model, one, seed=seed + number, draws=2 * draws, tune=tune, chains=chains, progress=False
        )
        worst = max(float(own.max()) for own in rhat(sampled).data_vars.values())
        recovered = model.recover(sampled, one, np.random.default_rng([seed, number]))
        kept = sampled.merge(recovered).isel(draw=slice(1, None, 2)).assign_coords(draw=np.arange(draws))
        diverged = int(chain_statistics["diverging"].sum())
        yield (
            model.reduce(kept).expand_dims(feature=[feature]),
            _statistics([feature], NUTS, r_hat=worst, divergences=diverged),
        )


def _statistics(
    features: Sequence[str],
    method: str,
    *,
    pareto_k: np.ndarray | float = np.nan,
    importance_ess: np.ndarray | float = np.nan,
    r_hat: float = np.nan,
    divergences: float = 0,
) -> xr.Dataset:
    numbers = {"pareto_k": pareto_k, "importance_ess": importance_ess, "r_hat": r_hat, "divergences": divergences}
    columns = {
        name: ("feature", np.broadcast_to(np.asarray(own, float), len(features))) for name, own in numbers.items()
    }
    methods = np.full(len(features), method)
    return xr.Dataset({"method": ("feature", methods), **columns}, coords={"feature": features})
