"""Seconds that the pooled stability model takes for many features, on a complete design and with rows missing.

12 subjects x 2 sessions x 2 scanners (five components), features in four families. Processor time of the compilation
and of 4 chains of 1,000 + 1,500 draws, as `fit` runs them, and the effective sample size that they give. Run
`uv run python benchmarks/pooled_stability.py [--features 100] [--cores 1]`.
"""

import argparse
import time

import arviz as az
import numpy as np
import pandas as pd

from bayesrg.inference import Sampler
from bayesrg.models import PooledStability

SHAPE = {"subject": 12, "session": 2, "scanner": 2}
FAMILIES = 4
MISSING = 0.2
SEED = 20261122


def simulate(n_features: int, missing: float) -> pd.DataFrame:
    """Features whose ICCs vary about 0.75 (sd of the logit 0.5), and whose errors are divided at random."""
    rng = np.random.default_rng(SEED)
    table = pd.DataFrame(list(np.ndindex(*SHAPE.values())), columns=list(SHAPE))
    subject, session, scanner = (table[name].to_numpy() for name in SHAPE)
    levels = (subject, 2 * subject + session, scanner, 2 * subject + scanner, np.arange(len(table)))
    values = {}
    for number in range(n_features):
        icc = 1.0 / (1.0 + np.exp(-rng.normal(np.log(3.0), 0.5)))
        variance = np.append(icc, (1.0 - icc) * rng.dirichlet([3.0, 1.0, 2.0, 4.0]))
        values[f"feature_{number:03d}"] = sum(
            np.sqrt(own) * rng.standard_normal(level.max() + 1)[level]
            for own, level in zip(variance, levels, strict=True)
        )
    table = table.assign(**values)
    order = rng.permutation(len(table))
    return table.iloc[np.sort(order[round(missing * len(table)) :])].reset_index(drop=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=int, default=100)
    parser.add_argument("--cores", type=int, default=1, help="chains that are sampled at once")
    arguments = parser.parse_args()
    model = PooledStability()
    for missing in (0.0, MISSING):
        table = simulate(arguments.features, missing)
        features = [name for name in table if name not in SHAPE]
        family = {name: f"family_{number % FAMILIES}" for number, name in enumerate(features)}
        data = model.prepare(table, features=features, family=family, **{name: name for name in SHAPE})
        started = time.process_time()
        sampler = Sampler(model, data)
        compiled = time.process_time()
        posterior, statistics = sampler.sample(
            model, data, seed=SEED, draws=1500, tune=1000, chains=4, cores=arguments.cores
        )
        sampled = time.process_time()
        ess = az.ess(posterior[["centre", "spread", "variance"]], method="bulk")
        smallest = min(float(own.min()) for own in ess.data_vars.values())
        print(
            f"{len(features)} features, {len(table)} rows ({missing:.0%} missing): {compiled - started:.0f} CPU s to "
            f"compile, {sampled - compiled:.0f} CPU s to sample; smallest ESS {smallest:.0f}, "
            f"{int(statistics['diverging'].sum())} divergences, "
            f"{float(statistics['n_steps'].mean()):.0f} gradients a draw",
            flush=True,
        )


if __name__ == "__main__":
    main()
