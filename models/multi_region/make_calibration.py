"""Make `calibration.json`: simulation-based calibration of every form of the model.

    uv run python models/multi_region/make_calibration.py [--data-sets 500] [--workers 2] [--designs NAME …]

It takes one and a half hours of CPU, can be interrupted, and goes on where it stopped.
"""

from pathlib import Path

import numpy as np

from bayesrg.models import MultiRegion
from bayesrg.simulation.designs import CalibrationPlan, calibrate_designs, calibration_parser
from bayesrg.simulation.regions import neighbours_of, simulate_regions

HERE = Path(__file__).parent
SEED = 20261123
PLACES = ["x", "y", "z"]

# Design -> the model, features, genes, what else `prepare` is told, tumours of a patient, and what the design is for.
DESIGNS = {
    "matern": (
        MultiRegion(),
        2,
        ["EGFR"],
        {"coordinates": PLACES, "formula": "purity"},
        1,
        "a Matérn function (3/2) of the distance, a covariate, a tenth of the values missing",
    ),
    "graph": (
        MultiRegion(spatial="graph", contextual=False),
        1,
        ["TP53", "EGFR"],
        {"batch": "batch"},
        1,
        "a graph of neighbours (BYM2), two genes, two batches",
    ),
    "exchangeable": (
        MultiRegion(spatial="exchangeable"),
        2,
        ["EGFR"],
        {"patient": "patient"},
        2,
        "exchangeable regions, two tumours a patient",
    ),
    "correlated": (
        MultiRegion(residual="correlated"),
        3,
        ["EGFR"],
        {"coordinates": PLACES},
        1,
        "residuals correlated over three features, sds of links that they share, a Matérn function (3/2)",
    ),
}

# What has no rank where draws are alike: it is one to machine precision for every link that hardly varies. It follows
# from B_0 and the sds of links, which are ranked.
TIED = ("same_sign",)

# Of a calibrated model to fail anywhere: shared among the designs, and within each among its quantities.
FALSE_ALARM = 0.05 / len(DESIGNS)


def model_of(name):
    """The model that a design is calibrated with."""
    return DESIGNS[name][0]


def prepare(name, model):
    """Design of that name: eight tumours of two to five regions; which values are missing counts, the values do not."""
    _, n_features, genes, options, tumors_per_patient, _ = DESIGNS[name]
    kinds = {"TP53": "mutation", "EGFR": "log2_ratio"}
    table = simulate_regions(8, (2, 5), genes=kinds, seed=SEED, tumors_per_patient=tumors_per_patient)
    rng = np.random.default_rng(SEED)
    table["batch"] = np.where(np.arange(len(table)) % 3 == 0, "first", "second")
    features = [f"feature_{number + 1}" for number in range(n_features)]
    for feature in features:
        table[feature] = rng.standard_normal(len(table))
    if name == "matern":
        table.loc[table.index[::10], features[0]] = np.nan
    if name == "graph":
        options = {**options, "neighbours": neighbours_of(table, 2)}
    return model.prepare(table, features=features, genes=genes, **options)


def plan(name):
    """How a design is calibrated."""
    model = model_of(name)
    # Of one seed the first parameters would be the same in every design.
    seed = SEED + list(DESIGNS).index(name) + 1
    sampling = {"seed": seed, "draws": 300, "tune": 300, "cores": 1}
    return CalibrationPlan(f"8 tumours: {DESIGNS[name][5]}", model, prepare(name, model), sampling)


def is_ranked(quantity):
    """Whether a quantity has ranks."""
    return quantity.partition("[")[0] not in TIED


def main():
    arguments = calibration_parser(__doc__, out=HERE / "calibration.json", designs=DESIGNS).parse_args()
    command = "uv run python models/multi_region/make_calibration.py"
    plans = {name: plan(name) for name in DESIGNS}
    calibrate_designs(plans, command=command, false_alarm=FALSE_ALARM, is_ranked=is_ranked, **vars(arguments))


if __name__ == "__main__":
    main()
