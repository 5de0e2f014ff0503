"""Make `reference.json`: long chains of the plain model, effects explicit, on simulated data.

    uv run python models/stability/make_reference.py

A balanced and an unbalanced data set are simulated here with NumPy alone, from stated variances and a stated seed.
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
SEED = 20240607
VARIANCES = {
    "subject": 1.0,
    "session": 0.2,
    "scanner": 0.3,
    "preprocessing": 0.2,
    "subject:scanner": 0.2,
    "subject:preprocessing": 0.15,
    "residual": 0.3,
}
SHAPE = {"subject": 24, "session": 2, "scanner": 4, "preprocessing": 4}
MISSING = 0.25
SETTINGS = {"draws": 15000, "tune": 2000, "chains": 4, "target_accept": 0.95}


def simulate(name):
    """Table of the data set "balanced" or "unbalanced" (a quarter of the rows missing at random), standardised."""
    rng = np.random.default_rng(SEED)
    table = pd.DataFrame(list(np.ndindex(*SHAPE.values())), columns=list(SHAPE))
    value = np.sqrt(VARIANCES["residual"]) * rng.standard_normal(len(table))
    for component, level in levels_of(table).items():
        value += (np.sqrt(VARIANCES[component]) * rng.standard_normal(level.max() + 1))[level]
    table["value"] = value
    if name == "unbalanced":
        table = table.iloc[np.sort(rng.permutation(len(table))[round(MISSING * len(table)) :])].reset_index(drop=True)
    table["value"] = (table["value"] - table["value"].mean()) / table["value"].std(ddof=1)
    return table


def levels_of(table):
    """Level numbers of every component of a simulated table."""
    factors = [table[name].to_numpy() for name in SHAPE]
    return plain.lay_out(*factors, interactions=("subject:scanner", "subject:preprocessing"))


def quantities(posterior):
    """Everything that is compared, as scalars over (chain, draw)."""
    variance = {
        str(name): posterior["variance"].sel(component=name, drop=True) for name in posterior["component"].values
    }
    total = sum(variance.values())
    found = {"mu": posterior["mu"]}
    found |= {f"variance[{name}]": own for name, own in variance.items()}
    found |= {f"sd[{name}]": np.sqrt(own) for name, own in variance.items()}
    found |= {f"share[{name}]": own / total for name, own in variance.items()}
    found |= {f"icc[{name}]": own for name, own in plain.conditions(variance).items()}
    return xr.Dataset(found)


def sample(name):
    """Reference of one data set: means, sds, their Monte Carlo errors, and diagnostics."""
    table = simulate(name)
    model = plain.build(table["value"].to_numpy(), levels_of(table))
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
        "model": "plain.py, effects explicit, variances='shares'",
        "data": {
            "seed": SEED,
            "variances": VARIANCES,
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
