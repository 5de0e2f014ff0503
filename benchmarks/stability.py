"""Speed of the stability model against the same model with explicit effects.

One feature, balanced: 40 subjects x 2 sessions x 3 scanners x 4 preprocessings = 960 rows, five half-normal sds,
mean Normal(0, 1), no interactions, the same priors everywhere. Every fit must reach R-hat < 1.01 on all five sds and
the ICC, otherwise it runs again with twice the draws; the figure is the smallest bulk ESS of those six quantities
per second of CPU time, sampling only (compiled beforehand) and with compilation. Run `uv run --group bench python
benchmarks/stability.py`.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import arviz as az
import bambi as bmb
import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import xarray as xr

from bayesrg.inference import Sampler
from bayesrg.models import IndependentSds, Priors, Stability

SUBJECTS, SESSIONS, SCANNERS, PREPROCESSINGS = 40, 2, 3, 4
SDS = {"subject": 1.0, "session": 0.4, "scanner": 0.3, "preprocessing": 0.3, "residual": 0.4}
CHAINS, TUNE = 4, 1000


@dataclass(frozen=True)
class Timing:
    """CPU seconds of compiling and of sampling, and what the sampling was worth."""

    name: str
    compile_seconds: float
    sample_seconds: float
    effective: float
    r_hat: float
    divergences: int
    draws: int

    @property
    def per_second(self) -> float:
        """Smallest ESS per CPU second of sampling."""
        return self.effective / self.sample_seconds

    @property
    def per_second_compiled(self) -> float:
        """Smallest ESS per CPU second of compiling and sampling."""
        return self.effective / (self.compile_seconds + self.sample_seconds)


def table(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(
        list(np.ndindex(SUBJECTS, SESSIONS, SCANNERS, PREPROCESSINGS)),
        columns=["subject", "session", "scanner", "preprocessing"],
    )
    rows["visit"] = rows["subject"] * SESSIONS + rows["session"]
    value = SDS["residual"] * rng.standard_normal(len(rows))
    for name, column in (
        ("subject", "subject"),
        ("session", "visit"),
        ("scanner", "scanner"),
        ("preprocessing", "preprocessing"),
    ):
        value += SDS[name] * rng.standard_normal(rows[column].max() + 1)[rows[column]]
    rows["value"] = (value - value.mean()) / value.std(ddof=1)
    return rows


def explicit(rows: pd.DataFrame) -> pm.Model:
    """The centred model with explicit effects, as one writes it in PyMC."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        mean = mu
        for name, column in (
            ("subject", "subject"),
            ("session", "visit"),
            ("scanner", "scanner"),
            ("preprocessing", "preprocessing"),
        ):
            sd = pm.HalfNormal(f"sd_{name}", 1.0)
            mean = mean + pm.Normal(name, 0.0, sd, shape=int(rows[column].max()) + 1)[rows[column].to_numpy()]
        pm.Normal("value", mean, pm.HalfNormal("sd_residual", 1.0), observed=rows["value"].to_numpy())
    return model


def in_bambi(rows: pd.DataFrame) -> pm.Model:
    """The same model by Bambi's formula, with the same priors (its default non-centred effects)."""
    half = bmb.Prior("HalfNormal", sigma=1.0)
    columns = ("subject", "visit", "scanner", "preprocessing")
    priors = {f"1|{column}": bmb.Prior("Normal", mu=0.0, sigma=half) for column in columns}
    model = bmb.Model(
        "value ~ 1 + " + " + ".join(f"(1|{column})" for column in columns),
        rows.astype(dict.fromkeys(columns, "category")),
        priors={"Intercept": bmb.Prior("Normal", mu=0.0, sigma=1.0), "sigma": half, **priors},
        center_predictors=False,
    )
    model.build()
    return model.backend.model


def sds_of(posterior: xr.Dataset, names: dict[str, str]) -> xr.Dataset:
    """The five sds and the overall ICC."""
    sds = xr.Dataset({name: posterior[variable] for name, variable in names.items()})
    total = sum(sds[name] ** 2 for name in names)
    return sds.assign(icc=sds["subject"] ** 2 / total)


def measure(
    name: str,
    compile_model: Callable[[], object],
    sample: Callable[[object, int, int], tuple[xr.Dataset, int]],
    draws: int,
) -> Timing:
    """Compile once, then sample with more draws until R-hat < 1.01."""
    start = time.process_time()
    compiled = compile_model()
    compiling = time.process_time() - start
    sample(compiled, 50, 0)  # the first call pays for allocations and caches
    for attempt in range(6):
        start = time.process_time()
        quantities, divergences = sample(compiled, draws, attempt + 1)
        seconds = time.process_time() - start
        r_hat = max(float(value) for value in az.rhat(quantities).data_vars.values())
        effective = min(float(value) for value in az.ess(quantities, method="bulk").data_vars.values())
        timing = Timing(name, compiling, seconds, effective, r_hat, divergences, draws)
        if r_hat < 1.01:
            return timing
        draws *= 2
    return timing


def with_nutpie(names: dict[str, str]) -> Callable[[object, int, int], tuple[xr.Dataset, int]]:
    def sample(compiled: object, draws: int, seed: int) -> tuple[xr.Dataset, int]:
        trace = nutpie.sample(
            compiled, draws=draws, tune=TUNE, chains=CHAINS, seed=seed, progress_bar=False, save_warmup=False
        )
        return sds_of(trace["posterior"].to_dataset(), names), int(trace["sample_stats"]["diverging"].sum())

    return sample


def main() -> None:
    warnings.filterwarnings("ignore", module="bambi")
    rows = table(seed=20261122)
    model = Stability(interactions=(), priors=Priors(variances=IndependentSds()))
    columns = {name: name for name in ("subject", "session", "scanner", "preprocessing")}
    data = model.prepare(rows, features="value", **columns)

    def collapsed(compiled: object, draws: int, seed: int) -> tuple[xr.Dataset, int]:
        assert isinstance(compiled, Sampler)
        posterior, statistics = compiled.sample(model, data, seed=seed, draws=draws, tune=TUNE, chains=CHAINS)
        sds = {name: posterior["sd"].sel(component=name, drop=True) for name in SDS}
        return sds_of(xr.Dataset(sds), {name: name for name in SDS}), int(statistics["diverging"].sum())

    plain = {name: f"sd_{name}" for name in SDS}
    grouped = {name: f"1|{'visit' if name == 'session' else name}_sigma" for name in SDS if name != "residual"} | {
        "residual": "sigma"
    }
    timings = [
        measure("bayesrg (collapsed)", lambda: Sampler(model, data), collapsed, 2000),
        measure(
            "pm.sample, centred (nutpie)", lambda: nutpie.compile_pymc_model(explicit(rows)), with_nutpie(plain), 2000
        ),
        measure(
            "Bambi, same priors (nutpie)", lambda: nutpie.compile_pymc_model(in_bambi(rows)), with_nutpie(grouped), 2000
        ),
    ]
    print(f"{len(rows)} rows, {CHAINS} chains, {TUNE} warm-up draws; CPU seconds")
    columns_shown = ("compile", "sample", "draws", "min ESS", "R-hat", "div.", "ESS/s", "ratio", "with compiling")
    print(f"{'':<28}" + "".join(f"{name:>{max(8, len(name) + 2)}}" for name in columns_shown))
    for timing in timings:
        print(
            f"{timing.name:<28}{timing.compile_seconds:>9.1f}{timing.sample_seconds:>8.2f}{timing.draws:>8}"
            f"{timing.effective:>9.0f}{timing.r_hat:>8.4f}{timing.divergences:>8}{timing.per_second:>8.0f}"
            f"{timings[0].per_second / timing.per_second:>8.1f}"
            f"{timings[0].per_second_compiled / timing.per_second_compiled:>16.1f}"
        )
    sampler = Sampler(model, data)
    fresh, again = [], []
    for seed in range(3):
        other = model.prepare(table(seed), features="value", **columns)
        start = time.process_time()
        sampler.sample(model, other, seed=seed, draws=500, tune=500, chains=CHAINS)
        again.append(time.process_time() - start)
        start = time.process_time()
        Sampler(model, other).sample(model, other, seed=seed, draws=500, tune=500, chains=CHAINS)
        fresh.append(time.process_time() - start)
    print(
        f"refit of a compiled model {np.median(again):.3f} s, compiling anew {np.median(fresh):.2f} s: "
        f"{np.median(np.array(fresh) / np.array(again)):.0f} times faster (4 x 500 draws, median of 3)"
    )


if __name__ == "__main__":
    main()
