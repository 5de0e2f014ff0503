"""`calibrate_designs`: the calibrations of a model for all designs that its evidence holds, in one file.

Every `make_calibration.py` in `models/` plans its designs and hands them to it.
"""

import argparse
import json
import multiprocessing
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from bayesrg.inference.model import Model
from bayesrg.simulation.calibration import calibrate
from bayesrg.simulation.uniformity import write_json


@dataclass(frozen=True)
class CalibrationPlan:
    """How one design is calibrated.

    Parameters
    ----------
    about : the design, in words for a reader of the result
    model : what is calibrated
    design : Dataset of `model.prepare`, whose values are ignored
    sampling : what else `calibrate` is told: seed, draws, tune, chains, kept and cores
    """

    about: str
    model: Model
    design: xr.Dataset
    sampling: Mapping[str, int]


def calibrate_designs(
    plans: Mapping[str, CalibrationPlan],
    n: int,
    out: str | Path,
    *,
    command: str,
    false_alarm: float,
    chosen: Collection[str] | None = None,
    is_ranked: Callable[[str], bool] | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> list[str]:
    """Calibrate designs one after the other, and write all of them to one file once none is missing.

    A design that is done is kept beside `out` (``calibration.NAME.json`` for ``calibration.json``), and `calibrate`
    keeps the data sets of the one it is at: an interrupted run goes on where it stopped, and runs that each choose
    other designs add up. When the file is written, its parts are removed.

    Parameters
    ----------
    plans : by name, in the order in which designs stand in the file
    n : number of data sets for each design
    out : where the result is written as JSON
    command : how it is made again; stands in the file
    false_alarm : of one design, for `Calibration.check`; stands in the file
    chosen : names of the designs to be calibrated now; None for all
    is_ranked : whether a quantity, by its name, stands in the file; None for all
    workers : processes that share the data sets of a design; None works here
    progress : show a progress bar for each design, and say at the end which are still to be done

    Returns
    -------
    Names of designs that are still to be done; where there are any, `out` is not written.

    Raises
    ------
    FitError
        As `calibrate` raises it.
    """
    target = Path(out)
    parts = {name: target.with_name(f"{target.stem}.{name}.json") for name in plans}
    # Workers start afresh: a process that has threads (as a sampler has) must not be forked.
    spawn = multiprocessing.get_context("spawn")
    with nullcontext() if workers is None else ProcessPoolExecutor(workers, mp_context=spawn) as executor:
        for name in plans if chosen is None else chosen:
            plan, part = plans[name], parts[name]
            if not part.exists():
                calibrate(plan.model, plan.design, n, **plan.sampling, executor=executor, out=part, progress=progress)
    missing = [name for name, part in parts.items() if not part.exists()]
    if missing:
        if progress:
            print(f"not done yet: {', '.join(missing)}")
        return missing
    designs = {}
    for name, part in parts.items():
        found = json.loads(part.read_text(encoding="utf-8"))
        if is_ranked is not None:
            found["ranks"] = {quantity: own for quantity, own in found["ranks"].items() if is_ranked(quantity)}
        designs[name] = {"design": plans[name].about} | found
    write_json({"command": command, "false_alarm": false_alarm, "designs": designs}, target)
    for part in parts.values():
        part.unlink()
    return []


def calibration_parser(
    description: str | None, *, out: Path | None, n: int | None = 500, designs: Collection[str] = ()
) -> argparse.ArgumentParser:
    """The arguments that scripts share, by the names that `calibrate_designs` gives them.

    Parameters
    ----------
    description : what the script says of itself, with its line breaks
    out, n : where the result goes and how many data sets it has by default; None where that depends
    designs : names among which designs may be chosen; none where all are calibrated in one run
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-sets", dest="n", type=int, default=n)
    parser.add_argument("--workers", type=int, default=2)
    if designs:
        parser.add_argument("--designs", dest="chosen", nargs="+", choices=list(designs))
    parser.add_argument("--out", type=Path, default=out)
    return parser
