"""`calibrate`: simulation-based calibration of a model as `fit` samples it, for any model.

Parameters are drawn from the prior and data from them by `model.simulate` (NumPy, independent of the graph that is
sampled); the posterior is sampled again without compiling, and the true values are ranked among its draws (Talts et
al. 2018, arXiv:1804.06788). The joint log likelihood is ranked too: it depends on the data, and so finds errors that
no parameter's ranks show (Modrák et al. 2023, doi:10.1214/23-BA1404).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import FitError
from bayesrg.inference.fitting import Sampler, target_acceptance
from bayesrg.inference.model import Model, Recovers, ScoresPoints
from bayesrg.inference.provenance import describe, hash_dataset, now, versions
from bayesrg.simulation.uniformity import Calibration, write_json

BATCH = 10  # data sets that a worker takes at a time
LONGEST = 16  # a posterior whose draws are not nearly independent is sampled again, up to this many times as long
Row = dict[str, Any]

# Each process compiles a model for a design once.
_SAMPLERS: dict[str, Sampler] = {}


def calibrate(
    model: Model,
    design: xr.Dataset,
    n: int,
    *,
    seed: int,
    draws: int = 500,
    tune: int = 500,
    chains: int = 4,
    kept: int = 100,
    cores: int | None = None,
    executor: Executor | None = None,
    out: str | Path | None = None,
    progress: bool = True,
) -> Calibration:
    """Ranks of true values among posterior draws, over data sets simulated from the prior.

    Parameters
    ----------
    model : a `Model`
    design : Dataset of `model.prepare`; its values are ignored, its transformation is kept
    n : number of data sets
    seed : the same seed gives the same ranks, whatever the executor
    draws, tune, chains : of each posterior; it is sampled again, longer, where its effective sample size is below
        `kept`
    kept : draws that the truth is ranked among, evenly spaced over the chains; divides ``draws * chains``
    cores : chains sampled at once; None for all cores
    executor : any `concurrent.futures.Executor`; None works here
    out : where the result is written as JSON; finished data sets are kept beside it (``.partial.jsonl``) until all are
        done, so that an interrupted run goes on where it stopped
    progress : show a progress bar

    Returns
    -------
    Calibration, whose quantities are every sampled variable, the first and the last level of every recovered effect,
    every real-valued estimand and the joint log likelihood. Of quantities with the same ranks in every data set only
    the first is kept; a quantity that some data sets lack is left out.

    Raises
    ------
    ValueError
        If `kept` does not divide the number of draws into equal parts of every chain.
    FitError
        If a data set cannot be fitted (with its number and the seed that makes it again), or if the partial result was
        made with other settings.
    """
    if kept % chains or draws % (kept // chains):
        raise ValueError(f"kept={kept} must take equally spaced draws from {chains} chains of {draws}")
    sampling = {"seed": seed, "draws": draws, "tune": tune, "chains": chains, "kept": kept}
    settings = {
        "model": describe(model),
        "design": {
            "sha256": hash_dataset(design.drop_vars("value")),
            "sizes": {str(k): v for k, v in design.sizes.items()},
        },
        "n": n,
        **sampling,
        "target_accept": target_acceptance(model),
    }
    partial = None if out is None else Path(out).with_suffix(".partial.jsonl")
    rows = {} if partial is None else _resume(partial, settings)
    waiting = [number for number in range(n) if number not in rows]
    for row in _shown(_work(model, design, waiting, sampling, cores, executor), n, len(rows), progress):
        rows[row["number"]] = row
        if partial is not None:
            with partial.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
    result = _collect([rows[number] for number in range(n)], kept, settings)
    if out is not None and partial is not None:
        write_json(result.to_dict(), out)
        partial.unlink(missing_ok=True)
    return result


def rank_data_set(
    model: Model, design: xr.Dataset, number: int, sampling: Mapping[str, int], cores: int | None = None
) -> Row:
    """Simulate one data set of a calibration, fit it and rank the truth: number, ranks by quantity, diagnostics.

    Parameters
    ----------
    number : which data set; with the seed it determines everything
    sampling : seed, draws, tune, chains and kept, as `calibrate` takes them

    Raises
    ------
    FitError
        If it cannot be fitted.
    """
    simulation, recovery, order = np.random.default_rng([sampling["seed"], number]).spawn(3)
    tree = model.simulate(design, simulation)
    data = tree["data"].to_dataset()
    truth = tree["parameters"].to_dataset()
    try:
        sampler = _sampler(model, design, data)
        posterior, diagnostics = _sample(sampler, model, data, sampling, int(order.integers(2**31)), cores)
        names = [name for name in posterior if name in truth]
        if isinstance(model, Recovers):
            posterior = posterior.merge(model.recover(posterior, data, recovery))
        values = _quantities(model, _append(posterior, truth), data, names)
    except (ArithmeticError, RuntimeError, ValueError, np.linalg.LinAlgError) as error:
        raise FitError(
            f"data set {number} of the calibration with seed {sampling['seed']} could not be fitted: {error}. "
            "Simulate it again with "
            f"model.simulate(design, np.random.default_rng([{sampling['seed']}, {number}]).spawn(3)[0])"
        ) from error
    ranks = {name: int((own[:-1] < own[-1]).sum()) for name, own in values.items()}
    return {"number": number, "ranks": ranks, **diagnostics}


def _append(posterior: xr.Dataset, truth: xr.Dataset) -> xr.Dataset:
    """Every variable that both have, in one chain, the truth as the last draw: all are then computed alike."""
    joined = {}
    for name in (name for name in posterior.data_vars if name in truth):
        own = posterior[name].transpose("chain", "draw", ...)
        flat = own.values.reshape(-1, *own.shape[2:])
        last = truth[name].transpose(*own.dims[2:]).values
        joined[name] = (own.dims, np.concatenate([flat, last[None]])[None])
    inner = {name: own for name, own in posterior.coords.items() if not {"chain", "draw"} & set(own.dims)}
    draws = posterior.sizes["chain"] * posterior.sizes["draw"] + 1
    return xr.Dataset(joined, coords={**inner, "chain": [0], "draw": np.arange(draws)})


def _sample(
    sampler: Sampler, model: Model, data: xr.Dataset, sampling: Mapping[str, int], seed: int, cores: int | None
) -> tuple[xr.Dataset, Row]:
    """Nearly independent posterior draws, and the diagnostics of the chains that they were taken from."""
    from arviz_stats.base.array import array_stats

    chains, kept = sampling["chains"], sampling["kept"]
    draws = sampling["draws"]
    while True:
        posterior, statistics = sampler.sample(
            model, data, seed=seed, draws=draws, tune=sampling["tune"], chains=chains, cores=cores
        )
        sampled = [posterior[rv.name].values.reshape(chains, draws, -1) for rv in sampler.graph.free_RVs]
        arrays = np.concatenate(sampled, axis=-1)
        ess = float(np.min(array_stats.ess(arrays, chain_axis=0, draw_axis=1, method="bulk")))
        if ess >= kept or draws >= LONGEST * sampling["draws"]:
            break
        draws *= 4
    diagnostics = {
        "min_ess": round(ess, 1),
        "max_r_hat": round(float(np.max(array_stats.rhat(arrays, chain_axis=0, draw_axis=1))), 4),
        "divergences": int(statistics["diverging"].sum()),
        "draws": chains * draws,
    }
    step = chains * draws // kept
    return posterior.isel(draw=slice(step - 1, None, step)), diagnostics


def _sampler(model: Model, design: xr.Dataset, data: xr.Dataset) -> Sampler:
    key = repr((describe(model), hash_dataset(design.drop_vars("value"))))
    if key not in _SAMPLERS:
        _SAMPLERS[key] = Sampler(model, data)
    return _SAMPLERS[key]


def _quantities(model: Model, posterior: xr.Dataset, data: xr.Dataset, sampled: Sequence[Any]) -> dict[str, np.ndarray]:
    """Everything that is ranked, as scalars over the draws."""
    real = {name: own for name, own in model.estimands(posterior, data).data_vars.items() if own.dtype.kind == "f"}
    effects = {name: own for name, own in posterior.data_vars.items() if name not in sampled}
    found: dict[str, np.ndarray] = {}
    for name, own in {**{name: posterior[name] for name in sampled}, **effects, **real}.items():
        stacked = own.transpose("chain", "draw", ...)
        if name in effects:
            stacked = stacked.isel({dim: [0, -1] for dim in stacked.dims[2:]})
        for spot in np.ndindex(stacked.shape[2:]):
            labels = [str(stacked[dim].values[k]) for dim, k in zip(stacked.dims[2:], spot, strict=True)]
            found[f"{name}[{', '.join(labels)}]" if labels else str(name)] = stacked.values[(..., *spot)].ravel()
    if isinstance(model, ScoresPoints):
        found["log_likelihood"] = model.log_likelihood(posterior, data)["joint"].values.ravel()
    return found


def _work(
    model: Model,
    design: xr.Dataset,
    numbers: Sequence[int],
    sampling: Mapping[str, int],
    cores: int | None,
    executor: Executor | None,
) -> Iterator[Row]:
    if executor is None:
        for number in numbers:
            yield rank_data_set(model, design, number, sampling, cores)
        return
    batches = [numbers[start : start + BATCH] for start in range(0, len(numbers), BATCH)]
    futures = [executor.submit(_rank_batch, model, design, batch, sampling, cores) for batch in batches]
    try:
        for future in as_completed(futures):
            yield from future.result()
    finally:  # after a failure or an interruption, what has not begun need not begin
        for future in futures:
            future.cancel()


def _rank_batch(
    model: Model, design: xr.Dataset, numbers: Sequence[int], sampling: Mapping[str, int], cores: int | None
) -> list[Row]:
    return [rank_data_set(model, design, number, sampling, cores) for number in numbers]


def _shown(rows: Iterator[Row], n: int, done: int, progress: bool) -> Iterator[Row]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not progress) as bar:
        task = bar.add_task("calibrating", total=n, completed=done)
        for row in rows:
            bar.advance(task)
            yield row


def _resume(partial: Path, settings: Mapping[str, Any]) -> dict[int, Row]:
    """Rows that an interrupted run left; starts the file where there is none."""
    if not partial.exists():
        partial.write_text(json.dumps(settings) + "\n", encoding="utf-8")
        return {}
    head, *lines = partial.read_text(encoding="utf-8").splitlines()
    made_with = json.loads(head)
    if made_with != json.loads(json.dumps(settings)):
        differing = sorted(
            key for key in {*made_with, *settings} if made_with.get(key) != json.loads(json.dumps(settings.get(key)))
        )
        raise FitError(
            f"{partial} holds an unfinished calibration with other settings ({', '.join(differing)}): "
            "finish it with those, or delete it"
        )
    rows = {}
    for line in lines:
        if line.endswith("}"):  # a last line that was cut short is done again
            row = json.loads(line)
            rows[row["number"]] = row
    kept = [head, *(json.dumps(row) for row in rows.values())]
    partial.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return rows


def _collect(rows: Sequence[Row], kept: int, settings: Mapping[str, Any]) -> Calibration:
    ranks = pd.DataFrame([row["ranks"] for row in rows]).dropna(axis="columns").astype(int)
    ranks = ranks.loc[:, ~ranks.T.duplicated()]
    diagnostics = pd.DataFrame(
        [{key: value for key, value in row.items() if key not in ("number", "ranks")} for row in rows]
    )
    return Calibration(ranks, diagnostics, kept, settings, versions(), now())
