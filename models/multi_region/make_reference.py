"""Make `reference.json`: long chains of the plain model on simulated data.

    uv run python models/multi_region/make_reference.py [NAME …]

Each data set is simulated here with NumPy alone, from stated parameters and a stated seed: one for each kind of space,
and one whose residuals are correlated. a, U and W are in the covariance of the values, since NUTS diverges where they
are variables (both forms have one density: `tests/models/test_multi_region_density.py`); coefficients of the mean are
variables. What is finished is kept in `reference.json`, so that data sets can be made one by one.
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

sys.path.insert(0, str(Path(__file__).parent))
import plain

HERE = Path(__file__).parent
SEED = 20261123
SETTINGS = {"tune": 1000, "chains": 4, "target_accept": 0.98}


@dataclass(frozen=True)
class Case:
    """A data set: its model and its size.

    Parameters
    ----------
    spatial, residual, contextual : of the model
    features, tumors, draws : how many; the draws are those of each chain
    """

    spatial: str
    residual: str = "independent"
    contextual: bool = True
    features: int = 1
    tumors: int = 8
    draws: int = 6000


CASES = {
    "matern32": Case("matern32"),
    "graph": Case("graph", contextual=False, tumors=10),
    "exchangeable": Case("exchangeable", contextual=False, tumors=10, draws=12000),
    "correlated": Case("matern12", "correlated", contextual=False, features=2),
}


def simulate(name):
    """Table of the data set of that name: tumour, region, x and y in mm, gene, and the features in their units."""
    case, rng = CASES[name], np.random.default_rng([SEED, *name.encode()])
    rows = []
    for tumor in range(case.tumors):
        gene = 0.7 * rng.standard_normal()
        # Regions of a tumour on a line with gaps, so that the smallest distance is not the only one.
        places = np.cumsum(rng.uniform(4.0, 20.0, 2 + tumor % 3))
        shift, slope = 0.4 * rng.standard_normal(case.features), 0.5 + 0.3 * rng.standard_normal(case.features)
        for region, x in enumerate(places):
            own = gene + 0.8 * rng.standard_normal()
            local = slope + 0.5 * rng.standard_normal(case.features)
            values = 30.0 + 6.0 * (shift + local * own + 0.5 * rng.standard_normal(case.features))
            rows.append(
                [
                    f"T{tumor:02d}",
                    f"R{region}",
                    round(x, 1),
                    round(5.0 * rng.random(), 1),
                    round(own, 3),
                    *values.round(2),
                ]
            )
    features = [f"feature_{number}" for number in range(case.features)]
    return pd.DataFrame(rows, columns=["tumor", "region", "x", "y", "gene", *features])


def neighbours(table):
    """Pairs of regions that follow each other along a tumour's line: tumor, region, neighbour."""
    following = table["tumor"].eq(table["tumor"].shift(-1)).to_numpy()[:-1]
    first = table.iloc[:-1][following].reset_index(drop=True)
    second = table.iloc[1:][following].reset_index(drop=True)
    return pd.DataFrame({"tumor": first["tumor"], "region": first["region"], "neighbour": second["region"]})


def standardise(columns):
    """Columns of mean 0 and sd 1."""
    return (columns - columns.mean(axis=0)) / columns.std(axis=0, ddof=1)


def arrange(name):
    """Arrays that `plain.build` takes, by the names of its arguments."""
    case, table = CASES[name], simulate(name)
    place = table[["x", "y"]].to_numpy()
    tumor = pd.factorize(table["tumor"])[0]
    arrays = {
        "value": standardise(table.filter(like="feature").to_numpy()),
        "genome": standardise(table[["gene"]].to_numpy()),
        "tumor": tumor,
        "patient": tumor,
        "spatial": case.spatial,
        "residual": case.residual,
        "contextual": case.contextual,
    }
    if case.spatial == "graph":
        step = np.eye(len(table), k=1) * (tumor[:, None] == tumor)
        arrays["adjacency"] = step + step.T
    if case.spatial.startswith("matern"):
        arrays["distance"] = np.linalg.norm(place[:, None] - place, axis=2)
    return arrays


def quantities(posterior):
    """Every parameter as scalars over (chain, draw), by its name and numbers from 0, such as "B_0[0, 1]"."""
    found = {}
    for name, variable in posterior.items():
        dims = [dim for dim in variable.dims if dim not in {"chain", "draw"}]
        for index in np.ndindex(*(variable.sizes[dim] for dim in dims)):
            label = f"{name}[{', '.join(map(str, index))}]" if dims else str(name)
            found[label] = variable.isel(dict(zip(dims, index, strict=True))).drop_vars(dims, errors="ignore")
    return xr.Dataset(found)


def shared(posterior):
    """The quantities that the shipped model has as well, in the shapes that it gives them."""
    kept = posterior[[name for name in posterior if not str(name).endswith(("_unit", "_stds", "_corr", "residual"))]]
    if "mu" in kept:
        kept["mu"] = kept["mu"].squeeze(list(kept["mu"].dims[3:]), drop=True)
    return kept


def sample(name):
    """Reference of one data set: means, sds, their Monte Carlo errors, and diagnostics."""
    arrays = arrange(name)
    model = plain.build(**arrays, explicit=False)
    compiled = nutpie.compile_pymc_model(model)
    trace = nutpie.sample(compiled, seed=SEED, progress_bar=False, cores=1, draws=CASES[name].draws, **SETTINGS)
    drawn = quantities(shared(trace["posterior"].to_dataset()))
    tables = {
        "mean": drawn.mean(("chain", "draw")),
        "sd": drawn.std(("chain", "draw"), ddof=1),
        "mcse_mean": az.mcse(drawn, method="mean"),
        "mcse_sd": az.mcse(drawn, method="sd"),
    }
    # A covariance's halves are the same, and so are entries that do not vary.
    varying = [str(one) for one in drawn.data_vars if float(tables["sd"][one]) > 0.0]
    return {
        "rows": len(arrays["value"]),
        "diagnostics": {
            "max_r_hat": float(max(az.rhat(drawn[varying]).data_vars.values())),
            "min_ess_bulk": float(min(az.ess(drawn[varying], method="bulk").data_vars.values())),
            "min_ess_tail": float(min(az.ess(drawn[varying], method="tail").data_vars.values())),
            "divergences": int(trace["sample_stats"]["diverging"].sum()),
        },
        "posterior": {one: {key: float(own[one]) for key, own in tables.items()} for one in varying},
    }


def main():
    path = HERE / "reference.json"
    done = json.loads(path.read_text(encoding="utf-8"))["datasets"] if path.exists() else {}
    for name in sys.argv[1:] or CASES:
        done[name] = sample(name)
        print(name, done[name]["diagnostics"], flush=True)
        reference = {
            "model": "plain.py",
            "data": {
                "seed": SEED,
                "cases": {name: asdict(case) for name, case in CASES.items()},
                "simulated_by": "make_reference.simulate",
            },
            "settings": {"sampler": "NUTS (nutpie)", "seed": SEED, **SETTINGS},
            "versions": {"python": platform.python_version()}
            | {package: version(package) for package in ("pymc", "pytensor", "nutpie", "arviz", "numpy", "scipy")},
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "datasets": {name: done[name] for name in CASES if name in done},
        }
        path.write_text(json.dumps(reference, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
