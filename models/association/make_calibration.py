"""Make `calibration.json`: simulation-based calibration of every family.

    uv run python models/association/make_calibration.py [--data-sets 500] [--workers 2] [--designs NAME …] [--out FILE]

It takes an hour and a half of CPU, can be interrupted, and goes on where it stopped.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from bayesrg.models import Association
from bayesrg.models.families import Ordinal
from bayesrg.simulation.designs import CalibrationPlan, calibrate_designs, calibration_parser

HERE = Path(__file__).parent
SEED = 20261123
PATIENTS = 40

# Design -> the model, the outcome's column, what else `prepare` is told, and what the design is for.
DESIGNS = {
    "gaussian": (Association("gaussian"), "volume", {"formula": "age"}, "a continuous outcome, with a covariate"),
    "student_t": (Association("student_t"), "volume", {}, "a continuous outcome with heavy tails"),
    "bernoulli": (Association("bernoulli"), "mutated", {"formula": "age"}, "a binary outcome, with a covariate"),
    "bernoulli_groups": (
        Association("bernoulli"),
        "mutated",
        {"group": "site"},
        "a binary outcome in patients of five sites with effects of their own",
    ),
    "ordinal": (Association("ordinal"), "grade", {"formula": "age"}, "four ordered categories, with a covariate"),
    "ordinal_category_slopes": (
        Association(Ordinal(proportional=False)),
        "grade",
        {},
        "four ordered categories whose cutpoints have slopes of their own",
    ),
    "categorical": (Association("categorical"), "cluster", {"formula": "age"}, "three kinds, with a covariate"),
    "negative_binomial": (
        Association("negative_binomial"),
        "variants",
        {"exposure": "megabases"},
        "counts in proportion to the length that was assayed",
    ),
    "rank": (Association("rank"), "size", {}, "twelve distinct values of a continuous outcome, by their ranks alone"),
}

# Of a calibrated model to fail anywhere: shared among the designs, and within each among its quantities.
FALSE_ALARM = 0.05 / len(DESIGNS)


def table():
    """Forty patients; what their columns hold is of no matter but for scales, categories and levels."""
    rng = np.random.default_rng(SEED)
    number = np.arange(PATIENTS)
    return pd.DataFrame(
        {
            "feature": rng.standard_normal(PATIENTS),
            "age": rng.normal(50.0, 10.0, PATIENTS),
            "site": np.array(list("ABCDE"))[number % 5],
            "volume": rng.standard_normal(PATIENTS),
            "mutated": number % 2,
            "grade": number % 4,
            "cluster": np.array(["R1", "R2", "R3"])[number % 3],
            "variants": 3 + number % 5,
            "megabases": rng.uniform(20.0, 40.0, PATIENTS),
            "size": number % 12,
        }
    )


def model_of(name):
    """The model that a design is calibrated with."""
    return DESIGNS[name][0]


def prepare(name, model):
    """Design of that name; its outcomes mean nothing."""
    _, outcome, options, _ = DESIGNS[name]
    return model.prepare(table(), outcome=outcome, predictor="feature", **options)


def plan(name):
    """How a design is calibrated."""
    model = model_of(name)
    sampling = {"seed": SEED, "draws": 500, "cores": 1}
    return CalibrationPlan(f"40 patients: {DESIGNS[name][3]}", model, prepare(name, model), sampling)


def main():
    arguments = calibration_parser(__doc__, out=HERE / "calibration.json", designs=DESIGNS).parse_args()
    command = "uv run python models/association/make_calibration.py"
    plans = {name: plan(name) for name in DESIGNS}
    calibrate_designs(plans, command=command, false_alarm=FALSE_ALARM, **vars(arguments))


if __name__ == "__main__":
    main()
