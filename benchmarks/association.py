"""Associations: what the coordinates of the cutpoints bring, and how many pairs a call of the density evaluates.

    uv run python benchmarks/association.py [--patients 150] [--repeats 3]

Ranks: a continuous outcome of every patient has a cutpoint per distinct value. The same data are sampled by NUTS
(nutpie, the same settings, compiled before the time is taken) with the same likelihood from probabilities that are a
`pm.Dirichlet`, and from ours, whose scores are nearly normal; the figure is the smallest effective sample size per
second, over the slope and all cutpoints, and divergences are counted. Pairs: the log posterior density of a logistic
association at a point each, of all pairs in one call against one call a pair.
"""

import argparse
import time

import arviz as az
import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import pytensor.tensor as pt

from bayesrg.models import Association
from bayesrg.models.families.family import observe

SEED = 7
SETTINGS = {"draws": 1000, "tune": 1000, "chains": 4, "cores": 2, "progress_bar": False, "target_accept": 0.95}


def simulate(patients):
    """A size and a volume that rises with it; every volume is another."""
    rng = np.random.default_rng(SEED)
    size = rng.standard_normal(patients)
    return pd.DataFrame({"size": size, "volume": 0.8 * size + rng.standard_normal(patients)})


def build_with_dirichlet(data):
    """Our model of ranks, but for the coordinates in which its probabilities are sampled."""
    family = Association("rank").family
    categories = data.sizes["category"]
    with pm.Model(coords={"term": data["term"].values, "category": data["category"].values}) as model:
        beta = pm.Normal("beta", 0.0, family.beta.arguments["sigma"], dims="term")
        total = family.probability.arguments["total"]
        probability = pm.Dirichlet("probability", np.full(categories, total / categories), dims="category")
        low, high = pt.cumsum(probability)[:-1], pt.cumsum(probability[::-1])[::-1][1:]
        left, right = (pt.erfcinv(2.0 * pt.minimum(tail, 0.5)) for tail in (low, high))
        alpha = np.sqrt(2.0) * pt.switch(low < 0.5, -left, right)
        observe(family, data, data["predictor"].values @ beta, {"alpha": alpha})
    return model


def efficiency(compiled, seed):
    """Smallest effective sample size of slope and cutpoints per second of sampling, and the divergences."""
    started = time.perf_counter()
    tree = nutpie.sample(compiled, seed=seed, **SETTINGS)
    seconds = time.perf_counter() - started
    ess = az.ess(tree["posterior"].to_dataset()[["beta", "probability"]], method="bulk")
    smallest = min(float(ess[name].min()) for name in ess)
    return smallest / seconds, int(tree["sample_stats"]["diverging"].sum())


def sample_ranks(patients, repeats):
    """Both models in turn, so that whatever else the machine does falls on both."""
    data = Association("rank").prepare(simulate(patients), outcome="volume", predictor="size")
    graphs = {"pm.Dirichlet": build_with_dirichlet(data), "bayesrg": Association("rank").build(data)}
    compiled = {name: nutpie.compile_pymc_model(graph) for name, graph in graphs.items()}
    found = {name: [efficiency(one, seed) for seed in range(repeats)] for name, one in compiled.items()}
    print(f"ranks of {patients} patients, {data.sizes['category']} distinct values, {repeats} runs of each")
    middle = {}
    for name, runs in found.items():
        rates = [rate for rate, _ in runs]
        middle[name] = float(np.median(rates))
        print(
            f"  {name:<20} {middle[name]:8.0f} effective draws a second ({min(rates):.0f} to {max(rates):.0f}), "
            f"{sum(diverged for _, diverged in runs)} divergences in {repeats * 4000} draws"
        )
    print(f"  ratio {middle['bayesrg'] / middle['pm.Dirichlet']:.1f}")


def evaluate_pairs(pairs=5000, patients=150):
    """The density of many pairs at once, and one by one."""
    rng = np.random.default_rng(SEED)
    model = Association("bernoulli")
    data = {
        "value": (rng.random((pairs, patients)) < 0.3).astype(float),
        "predictor": rng.standard_normal((pairs, patients, 1)),
        "covariates": rng.standard_normal((patients, 2)),
    }
    point = {
        "alpha": rng.standard_normal(pairs),
        "beta": rng.standard_normal((pairs, 1)),
        "gamma": rng.normal(size=(pairs, 2)),
    }
    started = time.perf_counter()
    together = model.log_density(point, data)
    at_once = time.perf_counter() - started
    started = time.perf_counter()
    alone = [
        model.log_density(
            {name: values[number] for name, values in point.items()},
            {**data, "value": data["value"][number], "predictor": data["predictor"][number]},
        )
        for number in range(pairs)
    ]
    one_by_one = time.perf_counter() - started
    assert np.allclose(together, alone)
    print(f"log densities of {pairs} pairs, {patients} patients, two covariates: {pairs / at_once:,.0f} pairs a second")
    print(f"  in one call against one call a pair: {one_by_one / at_once:.1f} times as fast")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    evaluate_pairs()
    sample_ranks(arguments.patients, arguments.repeats)


if __name__ == "__main__":
    main()
