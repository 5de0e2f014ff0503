"""Make `calibration.json`: simulation-based calibration of the pooled stability model on three designs.

    uv run python models/pooled_stability/make_calibration.py [--data-sets 500] [--workers 2] [--out FILE]

It takes half an hour of CPU, can be interrupted, and goes on where it stopped.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from bayesrg.models.pooled_stability import PooledStability
from bayesrg.simulation.designs import CalibrationPlan, calibrate_designs, calibration_parser

HERE = Path(__file__).parent
SEED = 20261205
FALSE_ALARM = 0.05
FAMILIES = {
    "first_0": "first",
    "first_1": "first",
    "first_2": "first",
    "second_0": "second",
    "second_1": "second",
}
# Features are exchangeable within their family: one of each is ranked, and all hyperparameters.
RANKED = ("first_0", "second_1")


def balanced():
    """8 subjects × 2 sessions × 2 scanners, five features of two families."""
    return pd.DataFrame(list(np.ndindex(8, 2, 2)), columns=["subject", "session", "scanner"])


def unbalanced():
    """8 subjects, each twice on 2 scanners, a fifth of the rows missing at random, a tenth more in the last feature."""
    table = pd.DataFrame(list(np.ndindex(8, 2, 2)), columns=["subject", "scanner", "repeat"]).drop(columns="repeat")
    return table.iloc[np.sort(np.random.default_rng(SEED).permutation(len(table))[len(table) // 5 :])]


def three_preprocessings():
    """8 subjects × 3 preprocessings, each once, five features of two families."""
    return pd.DataFrame(list(np.ndindex(8, 3)), columns=["subject", "preprocessing"])


DESIGNS = {"balanced": balanced, "unbalanced": unbalanced, "three_preprocessings": three_preprocessings}


def prepare(name, model):
    """Design of that name; its values mean nothing, only their scale (mean 0, sd 1) is kept."""
    table = DESIGNS[name]().reset_index(drop=True)
    rng = np.random.default_rng(SEED)
    columns = {column: column for column in table.columns}
    for feature in FAMILIES:
        table[feature] = rng.standard_normal(len(table))
    if name == "unbalanced":
        table.loc[rng.permutation(len(table))[: len(table) // 10], "second_1"] = np.nan
    own = table[list(FAMILIES)]
    table[list(FAMILIES)] = (own - own.mean()) / own.std(ddof=1)
    return model.prepare(table, features=list(FAMILIES), family=FAMILIES, **columns)


def is_ranked(quantity):
    """Whether a quantity is of no single feature, or of one of those that are ranked."""
    labels = quantity.partition("[")[2].rstrip("]").split(", ")
    return not set(labels) & (FAMILIES.keys() - set(RANKED))


def plan(name):
    """How a design is calibrated."""
    model = PooledStability()
    sampling = {"seed": SEED, "draws": 250, "tune": 400, "cores": 1}
    return CalibrationPlan(" ".join(DESIGNS[name].__doc__.split()), model, prepare(name, model), sampling)


def main():
    arguments = calibration_parser(__doc__, out=HERE / "calibration.json").parse_args()
    command = "uv run python models/pooled_stability/make_calibration.py"
    plans = {name: plan(name) for name in DESIGNS}
    calibrate_designs(plans, command=command, false_alarm=FALSE_ALARM, is_ranked=is_ranked, **vars(arguments))


if __name__ == "__main__":
    main()
