"""Many small posteriors at once: importance sampling for each member of a batch, and NUTS for those it fails.

A member is a feature of a data set with the dim `feature`. Its weighted draws are resampled to equal weights and stand
in four pseudo-chains, so that every later step reads them as it reads the draws of a sampler; R-hat does not apply to
them, and Pareto k says whether they may be trusted (Vehtari et al. 2024, JMLR 25:72).
"""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.inference.diagnosis import ESS, IMPORTANCE, NUTS, PARETO_K
from bayesrg.inference.importance import sample_batch
from bayesrg.inference.model import Batch, Batches

# Members that a thread takes at a time: to sample, and to work out estimands (xarray takes 20 ms, however few).
BLOCK, ESTIMAND_BLOCK = 64, 256
LARGEST_KEPT = 32 * 2**20 - 8192  # bytes


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
    statistics : `method`, `pareto_k`, `importance_ess`, `r_hat`, `nuts_ess` (the smallest of bulk and tail) and
        `divergences` by feature; NaN where a number does not apply to the method
    """
    _keep_freed_memory()
    batches = model.batches(data, BLOCK)
    draws_of = _Draws(data, chains, draws)
    parts = []
    for posterior, statistics in _shown(
        _work(batches, seed, chains * draws, executor), data.sizes["feature"], progress
    ):
        trusted = (statistics["pareto_k"] <= PARETO_K) & (statistics["importance_ess"] >= ESS)
        if not trusted.all():
            kept = np.flatnonzero(trusted.values)
            posterior, statistics = posterior.isel(feature=kept), statistics.isel(feature=kept)
        draws_of.put(posterior)
        parts.append(statistics)
    done = {str(name) for statistics in parts for name in statistics["feature"].values}
    left = [name for name in map(str, data["feature"].values) if name not in done]
    for posterior, statistics in _sample_singly(model, data, left, seed, draws, tune, chains, progress):
        draws_of.put(posterior)
        parts.append(statistics)
    statistics: Any = xr.concat(parts, "feature")
    return draws_of.together(), statistics.sel(feature=data["feature"].values)


def _keep_freed_memory() -> None:
    """Let the C library keep what arrays of up to 32 MB leave behind, instead of handing it back to the system.

    The GNU C library does so from the first time that an array of that size is freed (its "dynamic mmap threshold").
    Before, each temporary array costs more in page faults than in arithmetic; fits take up to half as long again.
    """
    np.empty(LARGEST_KEPT // 8)


class _Draws:
    """The draws of all features, filled in as they come; a level that a feature lacks keeps NaN.

    In memory the draws of a number lie together: that is how they come, and how means and quantiles read them.
    """

    def __init__(self, data: xr.Dataset, chains: int, draws: int) -> None:
        self.data, self.chains, self.draws = data, chains, draws
        self.coords: dict[str, np.ndarray] = {"chain": np.arange(chains), "draw": np.arange(draws)}
        self.arrays: dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, Any]]] = {}
        self.waiting: dict[str, set[int]] = {}  # features without a value yet, by variable

    def put(self, part: xr.Dataset) -> None:
        """Add features: their draws in one sequence (dealt into chains here), or in chains already."""
        for name, own in part.data_vars.items():
            inner = tuple(str(dim) for dim in own.dims if dim not in ("chain", "draw", "feature"))
            if name not in self.arrays:
                for dim in ("feature", *inner):
                    self.coords[dim] = (self.data if dim in self.data.coords else part)[dim].values
                shape = (self.data.sizes["feature"], *(self.coords[dim].size for dim in inner), self.chains, self.draws)
                self.arrays[str(name)] = inner, np.empty(shape, own.dtype), own.attrs
                self.waiting[str(name)] = set(range(shape[0]))
            ordered = own.transpose("feature", *inner, *(dim for dim in ("chain", "draw") if dim in own.dims))
            sizes = [own.sizes[dim] for dim in inner]
            places = [pd.Index(self.coords[dim]).get_indexer(part[dim].values) for dim in ("feature", *inner)]
            target = self.arrays[str(name)][1]
            values = ordered.values.reshape(-1, *sizes, self.chains, self.draws)
            features, *levels = places
            self.waiting[str(name)].difference_update(features.tolist())
            whole = [place.size == own_size for place, own_size in zip(levels, target.shape[1:-2], strict=True)]
            if all(whole) and features.size and np.all(np.diff(features) == 1):
                target[features[0] : features[-1] + 1] = values
            else:
                if own.dtype.kind == "f":
                    target[features] = np.nan
                target[np.ix_(features, *levels)] = values

    def together(self) -> xr.Dataset:
        """All features, dims chain, draw, feature, …; a variable that a feature lacks has NaN."""
        for name, lacking in self.waiting.items():
            if lacking:
                self.arrays[name][1][sorted(lacking)] = np.nan
        return xr.Dataset(
            {
                name: (("chain", "draw", "feature", *inner), np.moveaxis(array, (-2, -1), (0, 1)), attributes)
                for name, (inner, array, attributes) in self.arrays.items()
            },
            coords=self.coords,
        )


def estimands_of_members(model: Any, posterior: xr.Dataset, data: xr.Dataset, executor: Executor | None) -> xr.Dataset:
    """The model's estimands of every feature, worked out for a few at a time: what is at hand then stays small."""
    n = data.sizes["feature"]
    blocks = [slice(own[0], own[-1] + 1) for own in np.array_split(np.arange(n), -(-n // ESTIMAND_BLOCK))]
    kept = _Draws(data, posterior.sizes["chain"], posterior.sizes["draw"])
    reasons: dict[str, dict[str, str]] = {"absent": {}, "unavailable": {}}
    with _pool(executor) as pool:
        parts = pool.map(
            model.estimands,
            [posterior.isel(feature=block) for block in blocks],
            [data.isel(feature=block) for block in blocks],
        )
        for part in parts:
            for name, known in reasons.items():
                known |= json.loads(part.attrs[name])
            kept.put(part)
    return kept.together().assign_attrs({name: json.dumps(own) for name, own in reasons.items()})


@contextmanager
def _pool(executor: Executor | None) -> Iterator[Executor]:
    """The executor that was given, which stays open; or the cores of this machine."""
    if executor is not None:
        yield executor
        return
    with ThreadPoolExecutor(os.cpu_count()) as own:
        yield own


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
    with _pool(executor) as pool:
        waiting = {
            pool.submit(sample_batch_of_features, batch, (seed, number), draws) for number, batch in enumerate(batches)
        }
        try:
            for future in as_completed(waiting):
                waiting.discard(future)  # so that its draws are not kept here as well
                yield future.result()
        finally:  # after a failure or an interruption, what has not begun need not begin
            for future in waiting:
                future.cancel()


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


def _sample_singly(
    model: Any,
    data: xr.Dataset,
    names: Sequence[str],
    seed: int,
    draws: int,
    tune: int,
    chains: int,
    progress: bool,
) -> Iterator[tuple[xr.Dataset, xr.Dataset]]:
    """NUTS for the features that importance sampling failed; features of one structure share a compilation."""
    from arviz import ess, rhat
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
        drawn = kept[list(sampled.data_vars)]
        smallest = min(
            float(own.min()) for method in ("bulk", "tail") for own in ess(drawn, method=method).data_vars.values()
        )
        diverged = int(chain_statistics["diverging"].sum())
        yield (
            model.reduce(kept).expand_dims(feature=[feature]),
            _statistics([feature], NUTS, r_hat=worst, nuts_ess=smallest, divergences=diverged),
        )


def _statistics(
    features: Sequence[str],
    method: str,
    *,
    pareto_k: np.ndarray | float = np.nan,
    importance_ess: np.ndarray | float = np.nan,
    r_hat: float = np.nan,
    nuts_ess: float = np.nan,
    divergences: float = 0,
) -> xr.Dataset:
    numbers = {
        "pareto_k": pareto_k,
        "importance_ess": importance_ess,
        "r_hat": r_hat,
        "nuts_ess": nuts_ess,
        "divergences": divergences,
    }
    columns = {
        name: ("feature", np.broadcast_to(np.asarray(own, float), len(features))) for name, own in numbers.items()
    }
    methods = np.full(len(features), method)
    return xr.Dataset({"method": ("feature", methods), **columns}, coords={"feature": features})
