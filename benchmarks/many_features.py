"""Features a second: batched importance sampling against joint NUTS, REML (statsmodels) and Bambi, in one run.

Features of 40 subjects x 2 sessions x 3 scanners x 4 preprocessings, all 960 rows or with a fifth of them missing; main
effects only (five variances); ours also with both interactions of the subject. Half-normal priors everywhere,
ours also with the default ones. Wall time on all cores, without compiling and warm-up, ours the best of three runs;
a feature counts when each of its sds and its ICC has an effective sample size of 400, so slow peers are run on few
features. Ours is timed twice: the posterior alone, with PSIS and the fall-back, which is what the peers do; and the
whole `fit` with its estimands. Then the batched posterior of some features, chosen at random, is held against long
NUTS runs. The peak memory is that of a process which does one fit of 1,000 rows. Run
`uv run --group bench python benchmarks/many_features.py [--features 1000]`.
"""

import argparse
import resource
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import arviz as az
import bambi as bmb
import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import statsmodels.formula.api as smf
import xarray as xr

from bayesrg.inference import Sampler, fit
from bayesrg.inference.batches import sample_members
from bayesrg.inference.fitting import BATCH_DRAWS
from bayesrg.models import IndependentSds, Priors, Stability
from bayesrg.models.layout import Layout

SUBJECTS, SESSIONS, SCANNERS, PREPROCESSINGS = 40, 2, 3, 4
FACTORS = ["subject", "session", "scanner", "preprocessing"]
TYPICAL = {"subject": 1.0, "session": 0.4, "scanner": 0.3, "preprocessing": 0.3, "residual": 0.4}
MISSING = 0.2
CHECKED = 20  # features held against long NUTS runs
SEED = 20261122


def make_table(n_features: int, missing: float, seed: int) -> pd.DataFrame:
    """Features whose sds vary about typical ones by a factor of 1.5 (log sd 0.4)."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(list(np.ndindex(SUBJECTS, SESSIONS, SCANNERS, PREPROCESSINGS)), columns=FACTORS)
    levels = {name: rows[name].to_numpy() for name in FACTORS}
    levels["session"] = levels["subject"] * SESSIONS + levels["session"]
    values = {}
    for feature in range(n_features):
        sds = {name: sd * np.exp(0.4 * rng.standard_normal()) for name, sd in TYPICAL.items()}
        value = sds["residual"] * rng.standard_normal(len(rows))
        for name, level in levels.items():
            value = value + sds[name] * rng.standard_normal(level.max() + 1)[level]
        values[f"feature_{feature}"] = value
    table = pd.concat([rows, pd.DataFrame(values)], axis=1)
    kept = np.sort(rng.permutation(len(table))[round(missing * len(table)) :])
    return table.iloc[kept].reset_index(drop=True)


def ours(model: Stability, table: pd.DataFrame, n: int) -> tuple[float, float, xr.DataTree]:
    """Features a second, of the posterior alone and of `fit` with its checks and estimands, and the fit."""
    names = [name for name in table if name not in FACTORS][:n]
    data = model.prepare(table, features=names, **{name: name for name in FACTORS})
    fit(model, data.isel(feature=slice(0, 32)), seed=0, progress=False)  # loads kernels and quantile tables
    sampling, whole = [], []
    for repeat in range(3):
        started = time.perf_counter()
        sample_members(model, data, seed=repeat, draws=BATCH_DRAWS, tune=1000, chains=4, executor=None, progress=False)
        sampling.append(time.perf_counter() - started)
    tree = None
    for _ in range(3):
        del tree
        started = time.perf_counter()
        tree = fit(model, data, seed=SEED, progress=False)
        whole.append(time.perf_counter() - started)
    assert tree is not None
    return n / min(sampling), n / min(whole), tree


def peak_memory(n: int) -> float:
    """Gigabytes that a process takes at most which fits `n` features of 1,000 rows."""
    table = make_table(n, 0.0, SEED)
    table = pd.concat([table, table.iloc[:40]]).reset_index(drop=True)
    model = Stability(interactions=())
    data = model.prepare(table, features=[name for name in table if name not in FACTORS], **{f: f for f in FACTORS})
    fit(model, data, seed=0, progress=False)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def joint_nuts(table: pd.DataFrame, n: int) -> tuple[float, float]:
    """Features a second of one NUTS run over all features of a balanced table, collapsed, and the smallest ESS."""
    model = Stability(interactions=(), priors=Priors(variances=IndependentSds()))
    names = [f"feature_{number}" for number in range(n)]
    data = model.prepare(table, features=names, **{name: name for name in FACTORS})
    strata = Layout(data).strata
    assert strata is not None
    squares = strata.sums_of_squares(data["value"].values).T
    with pm.Model() as joint:
        sd = pm.HalfNormal("sd", 1.0, shape=(n, data.sizes["component"]))
        variance = pt.concatenate([sd**2, pt.ones((n, 1))], axis=1)
        eigenvalue = variance @ strata.weight.T
        pm.Potential("density", -0.5 * (strata.degrees_of_freedom * pt.log(eigenvalue) + squares / eigenvalue).sum())
    compiled = nutpie.compile_pymc_model(joint)
    started = time.perf_counter()
    trace = nutpie.sample(compiled, draws=600, tune=500, chains=4, seed=1, progress_bar=False, save_warmup=False)
    seconds = time.perf_counter() - started
    return n / seconds, float(az.ess(trace["posterior"].to_dataset()["sd"]).min())


def reml(table: pd.DataFrame, n: int) -> float:
    """Features a second by statsmodels: point estimates only."""
    one = table.assign(all=1, visit=table["subject"] * SESSIONS + table["session"])
    effects = {name: f"0 + C({name})" for name in ("subject", "visit", "scanner", "preprocessing")}
    started = time.perf_counter()
    for number in range(n):
        smf.mixedlm(f"feature_{number} ~ 1", one, groups="all", vc_formula=effects).fit(reml=True)
    return n / (time.perf_counter() - started)


def in_bambi(table: pd.DataFrame) -> tuple[float, float]:
    """Features a second by Bambi (one feature), and its smallest ESS."""
    half = bmb.Prior("HalfNormal", sigma=1.0)
    columns = ("subject", "visit", "scanner", "preprocessing")
    rows = table[[*FACTORS, "feature_0"]].assign(visit=table["subject"] * SESSIONS + table["session"])
    rows = rows.astype(dict.fromkeys(columns, "category"))
    value = rows["feature_0"]
    rows["value"] = (value - value.mean()) / value.std(ddof=1)
    model = bmb.Model(
        "value ~ 1 + " + " + ".join(f"(1|{column})" for column in columns),
        rows,
        priors={
            "Intercept": bmb.Prior("Normal", mu=0.0, sigma=1.0),
            "sigma": half,
            **{f"1|{column}": bmb.Prior("Normal", mu=0.0, sigma=half) for column in columns},
        },
        center_predictors=False,
    )
    model.build()
    compiled = nutpie.compile_pymc_model(model.backend.model)
    started = time.perf_counter()
    trace = nutpie.sample(compiled, draws=1000, tune=1000, chains=4, seed=1, progress_bar=False, save_warmup=False)
    seconds = time.perf_counter() - started
    posterior = trace["posterior"].to_dataset()
    names = [*(f"1|{column}_sigma" for column in columns), "sigma"]
    return 1 / seconds, min(float(az.ess(posterior[name])) for name in names)


def hold_against_nuts(model: Stability, tree: xr.DataTree, table: pd.DataFrame) -> dict[str, float]:
    """Largest differences from long NUTS runs, in posterior sds: of means, and of 5 % and 95 % quantiles."""
    names = tree["posterior"]["feature"].values
    chosen = np.random.default_rng(SEED).choice(names, min(CHECKED, len(names)), replace=False)
    columns = {name: name for name in FACTORS}
    sampler, worst = (
        None,
        {"mean of log sd": 0.0, "mean of ICC": 0.0, "quantile of log sd": 0.0, "quantile of ICC": 0.0},
    )
    for name in map(str, chosen):
        data = model.prepare(table, features=name, **columns)
        sampler = sampler or Sampler(model, data)
        long, _ = sampler.sample(model, data, seed=1, draws=10_000, tune=2000, chains=4)
        short = tree["posterior"].to_dataset().sel(feature=name)
        for what, transform in (
            ("log sd", lambda own: 0.5 * np.log(own["variance"])),
            ("ICC", lambda own: own["variance"].isel(component=0) / own["variance"].sum("component")),
        ):
            ours_, theirs = transform(short), transform(long)
            over = ("chain", "draw")
            sd = theirs.std(over)
            worst[f"mean of {what}"] = max(
                worst[f"mean of {what}"], float((abs(ours_.mean(over) - theirs.mean(over)) / sd).max())
            )
            tails = [own.quantile([0.05, 0.95], over) for own in (ours_, theirs)]
            worst[f"quantile of {what}"] = max(
                worst[f"quantile of {what}"], float((abs(tails[0] - tails[1]) / sd).max())
            )
    return worst


def describe(tree: xr.DataTree) -> str:
    statistics = tree["sample_stats"].to_dataset()
    nuts = int((statistics["method"] == "NUTS").sum())
    return (
        f"{nuts} by NUTS; importance ESS {float(statistics['importance_ess'].min()):.0f} to "
        f"{float(statistics['importance_ess'].max()):.0f}, largest Pareto k {float(statistics['pareto_k'].max()):.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=int, default=1000)
    n = parser.parse_args().features
    warnings.filterwarnings("ignore", module="bambi|statsmodels")
    half = Priors(variances=IndependentSds())
    for missing in (0.0, MISSING):
        table = make_table(n, missing, SEED)
        print(
            f"\n{len(table)} rows, {n} features" + (f", {missing:.0%} of the rows missing" if missing else ", balanced")
        )
        main_effects = Stability(interactions=(), priors=half)
        rate, whole, tree = ours(main_effects, table, n)
        peers = {"statsmodels REML (no posterior)": reml(table, 3)}
        if not missing:
            joint, joint_ess = joint_nuts(table, 50)
            peers[f"joint NUTS of 50, collapsed (ESS >= {joint_ess:.0f})"] = joint
        bambi, bambi_ess = in_bambi(table)
        peers[f"Bambi, one feature (ESS >= {bambi_ess:.0f})"] = bambi
        print(f"{'bayesrg, half-normal priors':<52}{rate:>10.1f} features/s    {describe(tree)}")
        print(f"{'  the same with all estimands (fit)':<52}{whole:>10.1f} features/s")
        for name, own in peers.items():
            print(f"{name:<52}{own:>10.3f} features/s    bayesrg is {rate / own:.0f} times as fast")
        for name, model in {
            "bayesrg, default priors": Stability(interactions=()),
            "bayesrg, default priors, both interactions": Stability(),
        }.items():
            own, whole, other = ours(model, table, n)
            print(f"{name:<52}{own:>10.1f} features/s    {describe(other)}")
            print(f"{'  the same with all estimands (fit)':<52}{whole:>10.1f} features/s")
            del other
        differences = hold_against_nuts(main_effects, tree, table)
        print(
            f"against 40,000 NUTS draws of {CHECKED} features, in posterior sds, at worst: "
            + ", ".join(f"{name} {value:.3f}" for name, value in differences.items())
        )
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        print(f"\n{n} features x 1,000 rows: peak memory {alone.submit(peak_memory, n).result():.2f} GB")


if __name__ == "__main__":
    main()
