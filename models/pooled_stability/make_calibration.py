"""Make `calibration.json`: simulation-based calibration of the pooled stability model on three designs.

    uv run python models/pooled_stability/make_calibration.py [--data-sets 500] [--workers 2] [--out FILE]

It takes half an hour of CPU, can be interrupted, and goes on where it stopped.
"""

import argparse
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from bayesrg.models.pooled_stability import PooledStability
from bayesrg.simulation.calibration import calibrate
from bayesrg.simulation.uniformity import Calibration, write_json

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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-sets", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "calibration.json")
    arguments = parser.parse_args()
    model = PooledStability()
    results = {}
    # Workers start afresh: a process that has threads (as a sampler has) must not be forked.
    with ProcessPoolExecutor(arguments.workers, mp_context=multiprocessing.get_context("spawn")) as executor:
        for name, table in DESIGNS.items():
            design = prepare(name, model)
            one = arguments.out.with_name(f"{arguments.out.stem}.{name}.json")
            if not one.exists():
                sampling = {"seed": SEED, "draws": 250, "tune": 400, "cores": 1}
                calibrate(model, design, arguments.data_sets, **sampling, executor=executor, out=one)
            found = Calibration.from_dict(json.loads(one.read_text(encoding="utf-8")))
            found = replace(found, ranks=found.ranks[[own for own in found.ranks if is_ranked(str(own))]])
            results[name] = {"design": " ".join(table.__doc__.split())} | found.to_dict()
    write_json(
        {
            "command": "uv run python models/pooled_stability/make_calibration.py",
            "false_alarm": FALSE_ALARM,
            "designs": results,
        },
        arguments.out,
    )
    for name in DESIGNS:
        arguments.out.with_name(f"{arguments.out.stem}.{name}.json").unlink()


if __name__ == "__main__":
    main()
