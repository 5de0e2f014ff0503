"""Make `calibration.json` and `calibration_importance.json`: simulation-based calibration on three designs.

    uv run python models/stability/make_calibration.py [--path nuts] [--data-sets 500] [--workers 2] [--out FILE]
    uv run python models/stability/make_calibration.py --path importance [--data-sets 2000]

The first is of a feature alone, sampled by NUTS; it takes half an hour of CPU, can be interrupted, and goes on
where it stopped. The second is of many features at once: importance sampling, with NUTS where it fails.
"""

import argparse
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from bayesrg.models import Stability
from bayesrg.simulation.batch_calibration import calibrate_batch
from bayesrg.simulation.calibration import calibrate
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", choices=("nuts", "importance"), default="nuts")
    parser.add_argument("--data-sets", type=int)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.path == "nuts":
        out = arguments.out or HERE / "calibration.json"
        by_nuts(arguments.data_sets or 500, arguments.workers, out)
    else:
        out = arguments.out or HERE / "calibration_importance.json"
        by_importance(arguments.data_sets or 2000, out)


def by_importance(n, out):
    model = Stability()
    results = {
        name: {"design": " ".join(table.__doc__.split())}
        | calibrate_batch(model, prepare(name, model), n, seed=SEED).to_dict()
        for name, table in DESIGNS.items()
    }
    write(results, "uv run python models/stability/make_calibration.py --path importance", out)


def by_nuts(n, workers, out):
    model = Stability()
    results = {}
    # Workers start afresh: a process that has threads (as a sampler has) must not be forked.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as executor:
        for name, table in DESIGNS.items():
            design = prepare(name, model)
            one = out.with_name(f"{out.stem}.{name}.json")
            if not one.exists():
                sampling = {"seed": SEED, "draws": 1000, "cores": 1}
                calibrate(model, design, n, **sampling, executor=executor, out=one)
            results[name] = {"design": " ".join(table.__doc__.split())} | json.loads(one.read_text(encoding="utf-8"))
    write(results, "uv run python models/stability/make_calibration.py", out)
    for name in DESIGNS:
        out.with_name(f"{out.stem}.{name}.json").unlink()


def write(results, command, out):
    write_json({"command": command, "false_alarm": FALSE_ALARM, "designs": results}, out)


if __name__ == "__main__":
    main()
