"""Make `calibration.json` and `calibration_importance.json`: simulation-based calibration on three designs.

    uv run python models/stability/make_calibration.py [--path nuts] [--data-sets 500] [--workers 2] [--out FILE]
    uv run python models/stability/make_calibration.py --path importance [--data-sets 2000]

The first is of a feature alone, sampled by NUTS; it takes half an hour of CPU, can be interrupted, and goes on
where it stopped. The second is of many features at once: importance sampling, with NUTS where it fails.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from bayesrg.models import Stability
from bayesrg.simulation.batch_calibration import calibrate_batch
from bayesrg.simulation.designs import CalibrationPlan, calibrate_designs, calibration_parser
from bayesrg.simulation.uniformity import write_json

HERE = Path(__file__).parent
SEED = 20261122
FALSE_ALARM = 0.05
COLUMNS = {"subject": "subject", "session": "session", "scanner": "scanner", "preprocessing": "preprocessing"}


def balanced():
    """12 subjects × 2 sessions × 2 scanners × 3 preprocessings."""
    return pd.DataFrame(list(np.ndindex(12, 2, 2, 3)), columns=list(COLUMNS))


def unbalanced():
    """The balanced design with a fifth of its rows missing at random."""
    table = balanced()
    return table.iloc[np.sort(np.random.default_rng(SEED).permutation(len(table))[len(table) // 5 :])]


def two_sessions_three_scanners():
    """16 subjects, of whom 16, 11 and 6 were on the scanners, the last four once only, the others twice."""
    rows = [
        (subject, session, scanner)
        for scanner, subjects in enumerate((16, 11, 6))
        for subject in (range(16) if scanner == 0 else range(16 - subjects, 16) if scanner == 1 else range(subjects))
        for session in range(1 if subject >= 12 else 2)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)[:3])


DESIGNS = {
    "balanced": balanced,
    "unbalanced": unbalanced,
    "two_sessions_three_scanners": two_sessions_three_scanners,
}


def prepare(name, model):
    """Design of that name; its values mean nothing, only their scale (mean 0, sd 1) is kept."""
    table = DESIGNS[name]().reset_index(drop=True)
    table["value"] = np.random.default_rng(SEED).standard_normal(len(table))
    table["value"] = (table["value"] - table["value"].mean()) / table["value"].std(ddof=1)
    return model.prepare(
        table, features="value", **{role: column for role, column in COLUMNS.items() if column in table}
    )


def describe(name):
    """The design in words."""
    return " ".join(DESIGNS[name].__doc__.split())


def plan(name):
    """How a design is calibrated by NUTS."""
    model = Stability()
    return CalibrationPlan(describe(name), model, prepare(name, model), {"seed": SEED, "draws": 1000, "cores": 1})


def main():
    parser = calibration_parser(__doc__, out=None, n=None)
    parser.add_argument("--path", choices=("nuts", "importance"), default="nuts")
    arguments = parser.parse_args()
    command = "uv run python models/stability/make_calibration.py"
    if arguments.path == "nuts":
        calibrate_designs(
            {name: plan(name) for name in DESIGNS},
            arguments.n or 500,
            arguments.out or HERE / "calibration.json",
            command=command,
            false_alarm=FALSE_ALARM,
            workers=arguments.workers,
        )
    else:
        model = Stability()
        n, out = arguments.n or 2000, arguments.out or HERE / "calibration_importance.json"
        results = {
            name: {"design": describe(name)} | calibrate_batch(model, prepare(name, model), n, seed=SEED).to_dict()
            for name in DESIGNS
        }
        write_json({"command": f"{command} --path importance", "false_alarm": FALSE_ALARM, "designs": results}, out)


if __name__ == "__main__":
    main()
