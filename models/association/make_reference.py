"""Make `reference.json`: long chains of the plain model, group effects centred, on simulated data.

    uv run python models/association/make_reference.py

Each data set is simulated here with NumPy alone, from stated effects and a stated seed: one for every family, and those
in which models of this kind break: three events in 150 patients, and a predictor that separates the events.
"""

import json
import platform
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import arviz as az
import numpy as np
import nutpie
import pandas as pd
import xarray as xr
from scipy import special

sys.path.insert(0, str(Path(__file__).parent))
import plain

HERE = Path(__file__).parent
SEED = 20250311
SETTINGS = {"draws": 10000, "tune": 1500, "chains": 4, "target_accept": 0.95}


@dataclass(frozen=True)
class Case:
    """A data set: its family, size and columns, and what it is simulated with.

    Parameters
    ----------
    patients : how many
    beta, gamma : effects per sd of the predictors, and of the covariates; of categorical a row for each category
    alpha : intercept, or cutpoints, or one of each category
    noise : sigma, or rate_cv
    predictors, covariates : columns of the table, in the order of the effects
    group_sd : of the sites, where there are sites
    weighted : whether rows count between a half and twice
    """

    family: str
    patients: int
    beta: tuple
    gamma: tuple = ()
    alpha: float | tuple = 0.0
    noise: float = 1.0
    predictors: tuple = ("size_mm",)
    covariates: tuple = ()
    group_sd: float | None = None
    weighted: bool = False
    proportional: bool = True


WITH_AGE = {"covariates": ("age",)}
CASES = {
    "gaussian": Case("gaussian", 120, (0.5, -0.4), (0.3,), predictors=("size_mm", "mutated"), **WITH_AGE),
    "student_t": Case("student_t", 120, (0.4,), (0.3,), noise=0.6, **WITH_AGE),
    "bernoulli": Case("bernoulli", 150, (0.8,), (-0.5, 0.4), -0.4, covariates=("age", "male")),
    "bernoulli_weights": Case("bernoulli", 150, (0.8,), (-0.5,), -0.4, weighted=True, **WITH_AGE),
    "bernoulli_rare": Case("bernoulli", 150, (1.0,), (0.3,), **WITH_AGE),
    "bernoulli_separated": Case("bernoulli", 40, (1.0,), (0.0,), **WITH_AGE),
    "bernoulli_groups": Case("bernoulli", 240, (0.6,), (-0.4,), 0.3, group_sd=1.2, **WITH_AGE),
    "ordinal": Case("ordinal", 160, (0.7,), (0.4,), (-1.5, 0.2, 1.6), **WITH_AGE),
    "ordinal_category_slopes": Case(
        "ordinal",
        250,
        (0.2, 0.5),
        (0.3,),
        (-1.3, 0.2, 1.5),
        predictors=("size_mm", "mutated"),
        proportional=False,
        **WITH_AGE,
    ),
    "categorical": Case(
        "categorical",
        160,
        ((0.8, -0.1, -0.2, -0.5),),
        ((0.3, 0.3, -0.6, 0.0),),
        (0.4, 0.2, -0.1, -0.5),
        **WITH_AGE,
    ),
    "negative_binomial": Case("negative_binomial", 140, (0.4,), (0.2,), 1.5, 0.7, **WITH_AGE),
    "rank": Case("rank", 40, (0.6,), (0.3,), **WITH_AGE),
}
# Widening of the gaps between cutpoints with size and mutation, by which the slopes differ: rows are predictors.
DELTA = ((-0.4, 0.3), (0.2, -0.2))
DEGREES_OF_FREEDOM = 3.0
SITES = 8
RARE = 3
VALUES_OF_RANK = 12


def simulate(name):
    """Table of the data set of that name: patient, value, predictors and covariates in their units, and more.

    The columns are `patient`, `value` (of gaussian and student_t in their own units, of ordinal and categorical numbers
    from 0, of rank 12 distinct values), `size_mm`, `mutated`, `age`, `male`, and where the case has them `site`,
    `weight` and `exposure`.
    """
    case = CASES[name]
    # Each data set has a stream of its own, so that one more changes none of the others.
    rng = np.random.default_rng([SEED, *name.encode()])
    n = case.patients
    table = pd.DataFrame(
        {
            "patient": [f"P{number:03d}" for number in range(n)],
            "size_mm": np.exp(3.7 + 0.4 * rng.standard_normal(n)).round(1),
            "mutated": (rng.random(n) < 0.4).astype(int),
            "age": (45.0 + 13.0 * rng.standard_normal(n)).round(),
            "male": (rng.random(n) < 0.55).astype(int),
        }
    )
    predictor = standardise(table, case.predictors)
    eta = predictor @ np.array(case.beta) + standardise(table, case.covariates) @ np.array(case.gamma)
    if case.group_sd is not None:
        site = np.arange(n) % SITES
        table["site"] = [f"site {number + 1}" for number in site]
        # Quantiles instead of draws: sites that happened to be alike would leave centred effects a funnel to sample.
        eta = eta + (case.group_sd * special.ndtri((np.arange(SITES) + 0.5) / SITES))[site]
    if case.weighted:
        table["weight"] = rng.uniform(0.5, 2.0, n).round(2)
    if case.family == "negative_binomial":
        table["exposure"] = rng.uniform(10.0, 60.0, n).round(1)
    table.insert(1, "value", draw(name, eta, predictor, table, rng))
    return table


def draw(name, eta, predictor, table, rng):
    """Outcomes of all patients, shape (patient,)."""
    case = CASES[name]
    n = case.patients
    if name == "bernoulli_rare":
        # The events are few by design, and rather in large tumours.
        value = np.zeros(n, dtype=int)
        value[rng.choice(n, RARE, replace=False, p=special.softmax(eta))] = 1
        return value
    if name == "bernoulli_separated":
        return (table["size_mm"] > table["size_mm"].median()).astype(int).to_numpy()
    if case.family == "gaussian":
        return (20.0 + 4.0 * (eta + case.noise * rng.standard_normal(n))).round(2)
    if case.family == "student_t":
        return (20.0 + 4.0 * (eta + case.noise * rng.standard_t(DEGREES_OF_FREEDOM, n))).round(2)
    if case.family == "bernoulli":
        return (rng.random(n) < special.expit(case.alpha + eta)).astype(int)
    if case.family == "negative_binomial":
        mean = np.exp(case.alpha + eta) * table["exposure"].to_numpy() / table["exposure"].mean()
        return rng.poisson(mean * rng.gamma(case.noise**-2.0, case.noise**2.0, n))
    if case.family == "categorical":
        return np.array([rng.choice(len(case.alpha), p=own) for own in special.softmax(case.alpha + eta, axis=1)])
    if case.family == "rank":
        latent = eta + rng.standard_normal(n)
        # Ties: values are kept to as many steps of unequal height, in the order of what lies under them.
        step = np.searchsorted(np.quantile(latent, np.arange(1, VALUES_OF_RANK) / VALUES_OF_RANK), latent)
        return (1.5 ** np.arange(VALUES_OF_RANK)).round(2)[step]
    theta = np.asarray(case.alpha) - eta[:, None]
    if not case.proportional:
        gaps = np.diff(case.alpha) * np.exp(-predictor @ np.array(DELTA))
        theta = np.concatenate([theta[:, :1], gaps], axis=1).cumsum(axis=1)
    return (special.logit(rng.random(n))[:, None] > theta).sum(axis=1)


def standardise(table, columns):
    """Columns as they stand in the model, shape (patient, column): two-valued ones centred, others z-scores."""
    values = table[list(columns)].to_numpy(dtype=float)
    two_valued = np.array([table[column].nunique() == 2 for column in columns], dtype=bool)
    return (values - values.mean(axis=0)) / np.where(two_valued, 1.0, values.std(axis=0, ddof=1))


def arrange(name):
    """Arrays that `plain.build` takes, by the names of its arguments."""
    case, table = CASES[name], simulate(name)
    value = table["value"].to_numpy(dtype=float)
    arrays = {
        "family": case.family,
        "value": value,
        "predictor": standardise(table, case.predictors),
        "covariate": standardise(table, case.covariates),
        "proportional": case.proportional,
    }
    if case.family in {"gaussian", "student_t"}:
        arrays["value"] = (value - value.mean()) / value.std(ddof=1)
    elif case.family == "rank":
        arrays["value"] = np.unique(value, return_inverse=True)[1]
    if "site" in table:
        arrays["groups"] = np.unique(table["site"], return_inverse=True)[1][:, None]
    if "weight" in table:
        arrays["weight"] = table["weight"].to_numpy()
    if "exposure" in table:
        exposure = table["exposure"].to_numpy()
        arrays["offset"] = np.log(exposure) + np.log(value.sum() / exposure.sum())
    return arrays


def quantities(posterior):
    """Every parameter as scalars over (chain, draw), by its name and numbers from 0, such as "beta[0, 2]"."""
    found = {}
    for name, variable in posterior.items():
        dims = [dim for dim in variable.dims if dim not in {"chain", "draw"}]
        for index in np.ndindex(*(variable.sizes[dim] for dim in dims)):
            label = f"{name}[{', '.join(map(str, index))}]" if dims else str(name)
            found[label] = variable.isel(dict(zip(dims, index, strict=True))).drop_vars(dims, errors="ignore")
    return xr.Dataset(found)


def sample(name):
    """Reference of one data set: means, sds, their Monte Carlo errors, and diagnostics."""
    arrays = arrange(name)
    model = plain.build(**arrays)
    trace = nutpie.sample(nutpie.compile_pymc_model(model), seed=SEED, progress_bar=False, **SETTINGS)
    drawn = quantities(trace["posterior"].to_dataset())
    tables = {
        "mean": drawn.mean(("chain", "draw")),
        "sd": drawn.std(("chain", "draw"), ddof=1),
        "mcse_mean": az.mcse(drawn, method="mean"),
        "mcse_sd": az.mcse(drawn, method="sd"),
    }
    return {
        "rows": len(arrays["value"]),
        "diagnostics": {
            "max_r_hat": float(max(az.rhat(drawn).data_vars.values())),
            "min_ess_bulk": float(min(az.ess(drawn, method="bulk").data_vars.values())),
            "min_ess_tail": float(min(az.ess(drawn, method="tail").data_vars.values())),
            "divergences": int(trace["sample_stats"]["diverging"].sum()),
        },
        "posterior": {
            str(quantity): {key: float(own[quantity]) for key, own in tables.items()} for quantity in drawn.data_vars
        },
    }


def main():
    reference = {
        "model": "plain.py, group effects centred",
        "data": {
            "seed": SEED,
            "cases": {name: asdict(case) for name, case in CASES.items()},
            "delta": DELTA,
            "simulated_by": "make_reference.simulate",
        },
        "settings": {"sampler": "NUTS (nutpie)", "seed": SEED, **SETTINGS},
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("pymc", "pytensor", "nutpie", "arviz", "numpy", "scipy")},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "datasets": {name: sample(name) for name in CASES},
    }
    (HERE / "reference.json").write_text(json.dumps(reference, indent=1) + "\n", encoding="utf-8")
    for name, own in reference["datasets"].items():
        print(name, own["diagnostics"])


if __name__ == "__main__":
    main()
