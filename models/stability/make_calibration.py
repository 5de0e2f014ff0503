"""Make `calibration.json`: simulation-based calibration of the stability model on three designs.

    uv run python models/stability/make_calibration.py [--data-sets 500] [--workers 2] [--out FILE]

It takes about ten minutes of CPU time, can be interrupted, and goes on where it stopped.
"""

import argparse
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from bayesrg.models import Stability
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
    parser.add_argument("--data-sets", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "calibration.json")
    arguments = parser.parse_args()
    model = Stability()
    results = {}
    # Workers start afresh: a process that has threads (as a sampler has) must not be forked.
    with ProcessPoolExecutor(arguments.workers, mp_context=multiprocessing.get_context("spawn")) as executor:
        for name, table in DESIGNS.items():
            design = prepare(name, model)
            one = arguments.out.with_name(f"{arguments.out.stem}.{name}.json")
            if not one.exists():
                sampling = {"seed": SEED, "draws": 1000, "cores": 1}
                calibrate(model, design, arguments.data_sets, **sampling, executor=executor, out=one)
            results[name] = {"design": " ".join(table.__doc__.split())} | json.loads(one.read_text(encoding="utf-8"))
    write_json(
        {
            "command": "uv run python models/stability/make_calibration.py",
            "false_alarm": FALSE_ALARM,
            "designs": results,
        },
        arguments.out,
    )
    for name in DESIGNS:
        arguments.out.with_name(f"{arguments.out.stem}.{name}.json").unlink()


if __name__ == "__main__":
    main()
