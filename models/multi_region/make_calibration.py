"""Make `calibration.json`: simulation-based calibration of every form of the model.

    uv run python models/multi_region/make_calibration.py [--data-sets 500] [--workers 2] [--designs NAME …]

It takes an hour of CPU, can be interrupted, and goes on where it stopped.
"""

import argparse
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from bayesrg.models import MultiRegion
from bayesrg.simulation.calibration import calibrate
from bayesrg.simulation.regions import neighbours_of, simulate_regions
from bayesrg.simulation.uniformity import write_json

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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-sets", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--designs", nargs="+", default=list(DESIGNS), choices=list(DESIGNS))
    parser.add_argument("--out", type=Path, default=HERE / "calibration.json")
    arguments = parser.parse_args()
    out = arguments.out
    # Workers start afresh: a process that has threads (as a sampler has) must not be forked.
    with ProcessPoolExecutor(arguments.workers, mp_context=multiprocessing.get_context("spawn")) as executor:
        for name in arguments.designs:
            one = out.with_name(f"{out.stem}.{name}.json")
            if not one.exists():
                model = model_of(name)
                # Of one seed the first parameters would be the same in every design.
                seed = SEED + list(DESIGNS).index(name) + 1
                sampling = {"seed": seed, "draws": 300, "tune": 300, "cores": 1}
                design = prepare(name, model)
                calibrate(model, design, arguments.data_sets, **sampling, executor=executor, out=one)
    parts = {name: out.with_name(f"{out.stem}.{name}.json") for name in DESIGNS}
    missing = [name for name, part in parts.items() if not part.exists()]
    if missing:
        print(f"not done yet: {', '.join(missing)}")
        return
    results = {
        name: {"design": f"8 tumours: {DESIGNS[name][5]}"} | json.loads(part.read_text(encoding="utf-8"))
        for name, part in parts.items()
    }
    for result in results.values():
        result["ranks"] = {name: own for name, own in result["ranks"].items() if name.partition("[")[0] not in TIED}
    command = "uv run python models/multi_region/make_calibration.py"
    write_json({"command": command, "false_alarm": FALSE_ALARM, "designs": results}, out)
    for part in parts.values():
        part.unlink()


if __name__ == "__main__":
    main()
