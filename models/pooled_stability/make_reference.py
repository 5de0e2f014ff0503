"""Make `reference.json`: long chains of the plain model in its dense marginal form, on simulated data.

    uv run python models/pooled_stability/make_reference.py

A balanced and an unbalanced data set of six features in two families are simulated here with NumPy alone, from stated
hyperparameters and a stated seed. With the effects explicit (318 of them on the balanced data) the chains diverge. It
takes ten minutes of CPU.
"""

import json
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import arviz as az
import numpy as np
import nutpie
import pandas as pd
import xarray as xr

sys.path.insert(0, str(Path(__file__).parent))
import plain

HERE = Path(__file__).parent
SEED = 20261201
FAMILY = np.array([0, 0, 0, 1, 1, 1])
COMPONENTS = ("subject", "session", "scanner", "subject:scanner", "residual")
CENTRE = np.array([[0.0, 1.0, -0.5, -0.5, -1.0], [0.0, 0.0, 0.5, -1.0, 0.0]])
SPREAD = 0.5
SHAPE = {"subject": 10, "session": 2, "scanner": 2}
MISSING = 0.15  # of all rows; the last feature lacks as many again
# A family's centre and its features' totals are correlated, which a diagonal mass matrix does not see.
SETTINGS = {"draws": 4000, "tune": 1000, "chains": 4, "target_accept": 0.98, "adaptation": "low_rank"}
FEATURES = [f"feature_{number}" for number in range(len(FAMILY))]


def simulate(name):
    """Table of the data set "balanced" or "unbalanced" (rows missing at random), each feature standardised."""
    rng = np.random.default_rng(SEED)
    table = pd.DataFrame(list(np.ndindex(*SHAPE.values())), columns=list(SHAPE))
    theta = rng.normal(CENTRE[FAMILY], SPREAD)
    icc = 1.0 / (1.0 + np.exp(-theta[:, 1]))
    for number, feature in enumerate(FEATURES):
        ratio = np.append(np.exp(theta[number, 2:]), 1.0)
        error = (1.0 - icc[number]) * ratio / ratio.sum()
        variance = np.exp(theta[number, 0]) * np.append(icc[number], error)
        value = np.sqrt(variance[-1]) * rng.standard_normal(len(table))
        for own, level in zip(variance, levels_of(table).values(), strict=False):
            value += (np.sqrt(own) * rng.standard_normal(level.max() + 1))[level]
        table[feature] = value
    if name == "unbalanced":
        missing = round(MISSING * len(table))
        order = rng.permutation(len(table))
        table.loc[order[missing : 2 * missing], FEATURES[-1]] = np.nan
        table = table.iloc[np.sort(order[missing:])].reset_index(drop=True)
    table[FEATURES] = (table[FEATURES] - table[FEATURES].mean()) / table[FEATURES].std(ddof=1)
    return table


def levels_of(table):
    """Level numbers of every component of a simulated table."""
    return plain.lay_out(*(table[name].to_numpy() for name in SHAPE), interactions=("subject:scanner",))


def quantities(posterior):
    """Everything that is compared, as scalars over (chain, draw); `posterior` has centre, spread and variance."""
    found = {}
    for name in ("centre", "spread"):
        values = posterior[name].transpose("chain", "draw", ...).values
        for family, coordinate in np.ndindex(values.shape[2:]):
            found[f"{name}[{family}, {coordinate}]"] = values[:, :, family, coordinate]
    values = posterior["variance"].transpose("chain", "draw", ...).values
    for number, feature in enumerate(FEATURES):
        variance = {name: values[:, :, number, place] for place, name in enumerate(COMPONENTS)}
        found |= {f"log_variance[{feature}, {name}]": np.log(own) for name, own in variance.items()}
        found |= {f"icc[{feature}, {name}]": own for name, own in plain.conditions(variance).items()}
    return xr.Dataset({name: (("chain", "draw"), own) for name, own in found.items()})


def sample(name):
    """Reference of one data set: means, sds, their Monte Carlo errors, and diagnostics."""
    table = simulate(name)
    model = plain.build(table[FEATURES].to_numpy(), levels_of(table), FAMILY, effects="integrated")
    trace = nutpie.sample(nutpie.compile_pymc_model(model), seed=SEED, progress_bar=False, **SETTINGS)
    drawn = quantities(trace["posterior"].to_dataset())
    tables = {
        "mean": drawn.mean(("chain", "draw")),
        "sd": drawn.std(("chain", "draw"), ddof=1),
        "mcse_mean": az.mcse(drawn, method="mean"),
        "mcse_sd": az.mcse(drawn, method="sd"),
    }
    sampled = trace["posterior"].to_dataset()
    return {
        "rows": len(table),
        "diagnostics": {
            "max_r_hat": float(max(az.rhat(sampled)[name].max() for name in sampled.data_vars)),
            "min_ess_bulk": float(min(az.ess(drawn, method="bulk")[name] for name in drawn.data_vars)),
            "min_ess_tail": float(min(az.ess(drawn, method="tail")[name] for name in drawn.data_vars)),
            "divergences": int(trace["sample_stats"]["diverging"].sum()),
        },
        "posterior": {
            str(quantity): {key: float(own[quantity]) for key, own in tables.items()} for quantity in drawn.data_vars
        },
    }


def main():
    reference = {
        "model": "plain.py, effects='integrated'",
        "data": {
            "seed": SEED,
            "family": FAMILY.tolist(),
            "centre": CENTRE.tolist(),
            "spread": SPREAD,
            "shape": SHAPE,
            "missing": MISSING,
            "simulated_by": "make_reference.simulate",
        },
        "settings": {"sampler": "NUTS (nutpie)", "seed": SEED, **SETTINGS},
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("pymc", "pytensor", "nutpie", "arviz", "numpy", "scipy")},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "datasets": {name: sample(name) for name in ("balanced", "unbalanced")},
    }
    (HERE / "reference.json").write_text(json.dumps(reference, indent=1) + "\n", encoding="utf-8")
    for name, own in reference["datasets"].items():
        print(name, own["diagnostics"])


if __name__ == "__main__":
    main()
