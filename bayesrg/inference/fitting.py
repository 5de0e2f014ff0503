"""`fit`: from a model and its data to a posterior with its estimands, checks and provenance."""

import json
import time
from concurrent.futures import Executor
from typing import Any

import numpy as np
import xarray as xr

from bayesrg.inference.batches import estimands_of_members, sample_members
from bayesrg.inference.diagnosis import diagnose
from bayesrg.inference.model import Batches, DrawsPrior, Model, Predicts, Recovers, ScoresPoints, TargetsAcceptance
from bayesrg.inference.provenance import describe, hash_dataset, now, versions
from bayesrg.storage import with_plain_labels

DRAWS, BATCH_DRAWS = 1500, 500  # of each chain
PRIOR_DRAWS = 4000  # for the prior of every estimand, so that P(ICC > c) is known to 0.01
PREDICTIVE_DRAWS = 400  # of data and effects: enough for a check by eye, and small enough to keep in the file
# 0.8 diverges once in about 10,000 draws where a variance with three levels may be zero. A model may ask for more.
TARGET_ACCEPT = 0.9
# Estimands that are the same on every feature's scale, so that one prior stands for all features.
SCALE_FREE = ("icc", "icc_above", "share")
SAMPLE_STATS = ("diverging", "energy", "depth", "maxdepth_reached", "n_steps", "step_size", "mean_tree_accept")


def target_acceptance(model: Model) -> float:
    """Mean acceptance that NUTS adapts its steps to: the model's own where it has one."""
    return model.target_accept if isinstance(model, TargetsAcceptance) else TARGET_ACCEPT


class Sampler:
    """A compiled model, which samples again for other data of the same structure without compiling.

    Parameters
    ----------
    model : a `Model`
    data : Dataset made by its `prepare` or `simulate`
    """

    def __init__(self, model: Model, data: xr.Dataset) -> None:
        import nutpie

        self.model = model
        self.graph = model.build(data)
        self.names = [variable.name for variable in self.graph.data_vars]
        self.compiled: Any = nutpie.compile_pymc_model(self.graph)

    def with_data(self, model: Model, data: xr.Dataset) -> Any:
        """The compiled model with the data of another data set.

        Raises
        ------
        ValueError
            If the model or its priors are others (they are compiled in), or if the other data set gives another graph.
        """
        if model != self.model:
            raise ValueError("the sampler was compiled for another model or other priors: compile a Sampler for these")
        other = model.build(data)
        if self.structure(other) != self.structure(self.graph):
            raise ValueError("the new data have another structure (components, balance): compile a Sampler for them")
        return self.compiled.with_data(**{name: other[name].get_value() for name in self.names})

    @staticmethod
    def structure(graph: Any) -> tuple[list[tuple[str, int]], dict[str, list[str]]]:
        """What two graphs must share to share a compilation."""
        nodes = [(node.name, node.type.ndim) for node in [*graph.free_RVs, *graph.observed_RVs, *graph.data_vars]]
        return nodes, {dim: [str(label) for label in labels] for dim, labels in graph.coords.items()}

    def sample(
        self,
        model: Model,
        data: xr.Dataset,
        *,
        seed: int,
        draws: int,
        tune: int,
        chains: int,
        cores: int | None = None,
        progress: bool = False,
    ) -> tuple[xr.Dataset, xr.Dataset]:
        """Posterior and sampler statistics for the data; dims chain, draw."""
        import nutpie

        sampling = nutpie.sample(
            self.with_data(model, data),
            seed=seed,
            draws=draws,
            tune=tune,
            chains=chains,
            cores=cores,
            progress_bar=progress,
            target_accept=target_acceptance(model),
            save_warmup=False,
            blocking=False,
        )
        try:
            trace = sampling.wait()
        except KeyboardInterrupt:
            # Left to itself, nutpie would hand over the draws it has so far as if they were all that was asked for.
            sampling.cancel()
            raise
        statistics = trace["sample_stats"].to_dataset()
        return trace["posterior"].to_dataset(), statistics[[name for name in SAMPLE_STATS if name in statistics]]


def fit(
    model: Model,
    data: xr.Dataset,
    *,
    seed: int,
    draws: int | None = None,
    tune: int = 1000,
    chains: int = 4,
    sampler: Sampler | None = None,
    executor: Executor | None = None,
    progress: bool = True,
) -> xr.DataTree:
    """Posterior of a model, with everything that its report needs.

    Parameters
    ----------
    model : a `Model`, such as `Stability`
    data : Dataset made by its `prepare`; one of many features (dim `feature`) is sampled feature by feature by
        importance sampling, and by NUTS where that fails, if the model knows how (`Batches`)
    seed : the same seed gives the same answer
    draws, tune, chains : kept draws and warm-up draws of each chain (NUTS by nutpie); 1,500 draws where none are given,
        500 of each of many features
    sampler : a `Sampler` compiled for data of the same structure, to fit again without compiling
    executor : any `concurrent.futures.Executor` for batches of features; None uses all cores of this machine
    progress : show the sampler's progress

    Returns
    -------
    DataTree with the groups `posterior`, `estimands`, `sample_stats`, `log_likelihood`, `log_prior`,
    `posterior_predictive`, `prior`, `prior_predictive`, `prior_estimands` (where the model can give them),
    `constant_data`, `observed_data` and `provenance`. Values are on the model's scale, estimands in the feature's
    units. A fit that did not converge says so in `diagnose`, `summary` and the report. Of many features the groups
    about single measurements are left out, and `sample_stats` tells the method and its checks by feature.
    """
    started = time.perf_counter()
    if isinstance(model, Batches) and "feature" in data.dims:
        draws = draws or BATCH_DRAWS
        groups = _fit_batches(model, data, seed, draws, tune, chains, executor, progress)
        method, compiled_at = "importance sampling, NUTS (nutpie) where Pareto k > 0.7", started
    else:
        draws = draws or DRAWS
        compiled = sampler or Sampler(model, data)
        method, compiled_at = "NUTS (nutpie)", time.perf_counter()
        groups = _fit_jointly(model, data, compiled, seed, draws, tune, chains, progress)
    sampled = time.perf_counter()
    tree = with_plain_labels(xr.DataTree.from_dict(groups))
    tree["provenance"] = xr.Dataset(
        attrs={
            "model": json.dumps(describe(model)),
            "sampler": json.dumps(
                {
                    "method": method,
                    "seed": seed,
                    "draws": draws,
                    "tune": tune,
                    "chains": chains,
                    "target_accept": target_acceptance(model),
                }
            ),
            "versions": json.dumps(versions()),
            "data_sha256": hash_dataset(data),
            "created": now(),
            "seconds": json.dumps(
                {
                    "compile": round(compiled_at - started, 3),
                    "sample": round(sampled - compiled_at, 3),
                    "total": round(sampled - started, 3),
                }
            ),
        }
    )
    tree["provenance"].attrs["verdict"] = diagnose(tree).verdict
    return tree


def _fit_batches(
    model: Any,
    data: xr.Dataset,
    seed: int,
    draws: int,
    tune: int,
    chains: int,
    executor: Executor | None,
    progress: bool,
) -> dict[str, xr.Dataset]:
    posterior, statistics = sample_members(
        model, data, seed=seed, draws=draws, tune=tune, chains=chains, executor=executor, progress=progress
    )
    groups = {
        "posterior": posterior,
        "estimands": estimands_of_members(model, posterior, data, executor),
        "sample_stats": statistics,
        "constant_data": data.drop_vars("value"),
        "observed_data": data[["value"]],
    }
    capabilities: Any = model
    if isinstance(model, DrawsPrior):
        # All features are on one scale, so what has no units has one prior for all.
        first = data.isel(feature=slice(1))
        design = capabilities.select(first, str(first["feature"].values[0])).isel(measurement=slice(1))
        drawn = _parameters(capabilities.draw_prior(design, np.random.default_rng([seed, 1]), PRIOR_DRAWS))
        prior = capabilities.estimands(drawn.expand_dims(feature=first["feature"].values), first).isel(
            feature=0, drop=True
        )
        groups["prior_estimands"] = prior[[name for name in SCALE_FREE if name in prior]]
    return groups


def _fit_jointly(
    model: Model, data: xr.Dataset, compiled: Sampler, seed: int, draws: int, tune: int, chains: int, progress: bool
) -> dict[str, xr.Dataset]:
    posterior, statistics = compiled.sample(
        model, data, seed=seed, draws=draws, tune=tune, chains=chains, progress=progress
    )
    recovery, prediction, simulation = np.random.default_rng(seed).spawn(3)
    if isinstance(model, Recovers):
        posterior = posterior.merge(model.recover(posterior, data, recovery))
    groups = {
        "posterior": posterior,
        "estimands": model.estimands(posterior, data),
        "sample_stats": statistics,
        "constant_data": data.drop_vars("value"),
        "observed_data": data[["value"]],
    }
    if isinstance(model, ScoresPoints):
        groups["log_likelihood"] = model.log_likelihood(posterior, data)
        groups["log_prior"] = model.log_prior(posterior, data)
    if isinstance(model, Predicts):
        step = max(1, draws * chains // PREDICTIVE_DRAWS)
        groups["posterior_predictive"] = model.predict(
            posterior.isel(draw=slice(None, None, step)), data, data, prediction
        )
    if isinstance(model, DrawsPrior):
        groups |= _prior(model, data, simulation)
    return groups


def _prior(model: Any, data: xr.Dataset, rng: np.random.Generator) -> dict[str, xr.Dataset]:
    """Draws from the prior, of the data that it predicts and of every estimand."""
    drawn = model.draw_prior(data, rng, PRIOR_DRAWS)
    prior = _parameters(drawn)
    simulated = drawn["data"]["value"].expand_dims("chain")
    return {
        "prior": prior.isel(draw=slice(PREDICTIVE_DRAWS)),
        "prior_estimands": model.estimands(prior, data.assign(value=simulated)),
        "prior_predictive": xr.Dataset({"value": simulated.isel(draw=slice(PREDICTIVE_DRAWS))}),
    }


def _parameters(drawn: xr.DataTree) -> xr.Dataset:
    """Draws from the prior as one chain."""
    parameters = drawn["parameters"].to_dataset()
    return parameters.expand_dims("chain").assign_coords(chain=[0], draw=np.arange(parameters.sizes["draw"]))


def data_of(tree: xr.DataTree) -> xr.Dataset:
    """The data set that a fit was made of."""
    constant = tree["constant_data"].to_dataset()
    return constant.assign(tree["observed_data"].to_dataset().data_vars)
