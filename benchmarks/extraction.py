"""Speed, memory and values of all features against pictologics, pyradiomics, MIRP and Nyxus, in one run.

Regions: the IBSI CT phantom without interpolation, a ball of 904,960 voxels of smoothed noise, a brain tumour in MR,
and rough balls of 5,000 and of 143 voxels; 32 grey levels (8 in the smallest), discretised once and given to every
tool. CPU time of a process with one thread, after a first call that compiles; the tools take turns, so that noise hits
all alike. Ratios compare a family's features that a tool has, and totals the families that it has, computed in one
call. Memory is the peak of what is resident during that call, above what was before it. Run ``uv run python
benchmarks/extraction.py --peers PYTHON``, where PYTHON is an interpreter that has the other tools: one that it lacks
is listed as not installed. Linux only, for the memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from extraction_names import find_reason, translate
from scipy.ndimage import gaussian_filter

from bayesrg import datasets
from bayesrg.imaging import process
from bayesrg.radiomics import Settings
from bayesrg.settings import from_dict

TOOLS = ("bayesrg", "pictologics", "pyradiomics", "MIRP", "Nyxus")
COMPILED = ("bayesrg", "pictologics")
WITHOUT = {"pictologics": ("spatial", "local_intensity")}
"""Families without which a second total is given."""
ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "NUMEXPR", "PICTOLOGICS", "VECLIB")
} | {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1", "PYTHONWARNINGS": "ignore"}
SEED = 20261123


@dataclass(eq=False)
class Tool:
    """A process that measures one region."""

    name: str
    interpreter: str
    case: str
    version: str = ""
    missing: str = ""
    groups: tuple[str, ...] = ()
    seconds: dict[tuple[str, ...], list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        script = Path(__file__).with_name("extraction_tools.py")
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [self.interpreter, str(script), self.name, self.case],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            env={**os.environ, **ONE_THREAD},
        )
        greeting = json.loads(self._read())
        self.version, self.missing = greeting.get("version", ""), greeting.get("missing", "")
        self.groups = tuple(greeting.get("groups", ()))

    def ask(self, groups: tuple[str, ...], **order: object) -> dict:
        """Return the answer to one order."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"groups": groups, **order}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._read())

    def time(self, groups: tuple[str, ...], budget: float) -> None:
        """Measure some calls, unless the budget of seconds is spent."""
        spent = self.seconds.setdefault(groups, [])
        if sum(spent) < budget:
            times = int(np.clip(0.05 / min(spent), 1, 50)) if spent else 1
            spent += self.ask(groups, times=times)["seconds"]

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._complaints.close()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._complaints.seek(0)
            said = self._complaints.read().decode(errors="replace")[-2000:]
            raise SystemExit(f"{self.name} stopped with code {self._process.wait()}:\n{said}")
        return line


def make_cases() -> dict[str, tuple[sitk.Image, sitk.Image, int]]:
    """Image, mask and number of grey levels by name."""
    rng = np.random.default_rng(SEED)

    def ball(n_voxels: int, size: int, roughness: float = 0.0) -> tuple[sitk.Image, sitk.Image]:
        z, y, x = np.indices((size,) * 3) - (size - 1) / 2
        distance = np.sqrt(z * z + y * y + x * x) + roughness * rng.random((size,) * 3)
        mask = distance <= np.sort(distance, axis=None)[n_voxels - 1]
        noise = gaussian_filter(rng.standard_normal(mask.shape), 1.0)
        return make_image(np.rint(100 * noise / noise.std())), make_image(mask.astype(np.uint8))

    def read(image: str, mask: str) -> tuple[sitk.Image, sitk.Image]:
        return sitk.ReadImage(str(datasets.path(image))), sitk.ReadImage(str(datasets.path(mask))) != 0

    return {
        "CT phantom": (*read("ibsi1/ibsi1_ct_phantom/image.nii.gz", "ibsi1/ibsi1_ct_phantom/mask.nii.gz"), 32),
        "ball in 128^3": (*ball(904_960, 128), 32),
        "brain1 (MR)": (*read("images/pyrad_brain1_image.nrrd", "images/pyrad_brain1_label.nrrd"), 32),
        "ball of 5,000": (*ball(5000, 40, 2.0), 32),
        "ball of 143": (*ball(143, 24, 1.0), 8),
    }


def make_image(voxels: np.ndarray) -> sitk.Image:
    return sitk.GetImageFromArray(voxels)


def save_case(image: sitk.Image, mask: sitk.Image, n_levels: int, path: str) -> int:
    """Process a region once for all tools; return its number of voxels."""
    settings = from_dict(Settings, {"discretisation": {"method": "fixed_bin_number", "number": n_levels}})
    processed = process(image, mask, settings)
    inside = processed["intensity_mask"].values
    np.savez(
        path,
        intensity=processed["intensity"].values,
        level=processed["level"].values,
        mask=inside,
        spacing=processed.attrs["spacing"][::-1],
    )
    return int(inside.sum())


def compare_values(ours: dict[str, float], theirs: dict[str, float]) -> tuple[int, int, int, list[str]]:
    """How many features both have, how many agree to 1e-6 and to 1e-3, and which do not to 1e-6."""
    shared = [name for name in theirs if name in ours]
    a, b = (np.array([values[name] for name in shared]) for values in (ours, theirs))
    both_undefined = np.isnan(a) & np.isnan(b)
    difference = np.where(both_undefined | (a == b), 0.0, np.abs(a - b) / np.maximum(np.abs(b), 1e-12))
    close = difference <= 1e-6  # a NaN on one side only is not close
    differing = np.array(shared)[~close].tolist()
    return len(shared), int(close.sum()), int((difference <= 1e-3).sum()), differing


def combine_groups(tool: Tool, ours: Tool) -> dict[str, tuple[str, ...]]:
    """What is timed in one call: each family that both have, and totals."""
    shared = tuple(group for group in tool.groups if group in ours.groups)
    combinations = {group: (group,) for group in shared} | {"total": shared}
    if tool.name in WITHOUT:
        name = " and ".join(WITHOUT[tool.name])
        combinations[f"total without {name}"] = tuple(group for group in shared if group not in WITHOUT[tool.name])
    return combinations


def run_case(name: str, path: str, interpreters: dict[str, str], rounds: int, budget: float) -> None:
    tools = [Tool(tool, interpreter, path) for tool, interpreter in interpreters.items()]
    for tool in tools:
        if tool.missing:
            print(f"{tool.name}: not installed ({tool.missing})")
    ours, *others = [tool for tool in tools if not tool.missing]
    peers = {tool: combine_groups(tool, ours) for tool in others}
    for tool, combinations in peers.items():
        for groups in combinations.values():
            for compiled in (ours, tool):
                if compiled.name in COMPILED:
                    compiled.ask(groups, times=1)
    for _ in range(rounds):
        for tool, combinations in peers.items():
            for groups in combinations.values():
                ours.time(groups, budget)
                tool.time(groups, budget)
    print_times(name, ours, peers)
    values = ours.ask(ours.groups, values=True)
    for tool, combinations in peers.items():
        memory = [part.ask(combinations["total"], memory=True) for part in (ours, tool)]
        rise = [part["peak"] - part["resting"] for part in memory]
        print(
            f"memory of the total, bayesrg and {tool.name}: {rise[0]:.0f} and {rise[1]:.0f} MB above "
            f"{memory[0]['resting']:.0f} and {memory[1]['resting']:.0f} MB in use"
        )
        print_values(tool, values)
    for tool in tools:
        tool.stop()


def print_times(name: str, ours: Tool, peers: dict[Tool, dict[str, tuple[str, ...]]]) -> None:
    print(f"\n{name}: CPU milliseconds, least (median); ratio of the least to that of bayesrg")
    rows = dict.fromkeys(row for combinations in peers.values() for row in combinations)
    header = "".join(f"{tool.name + ' ' + tool.version:>26}{'ratio':>8}" for tool in peers)
    print(f"{'':<28}{'bayesrg':>20}{header}")
    for row in [row for row in rows if "total" not in row]:
        measured = next(groups[row] for groups in peers.values() if row in groups)
        cells = "".join(
            f"{show(tool.seconds[groups[row]]):>26}{ratio(tool, ours, groups[row]):>8.1f}"
            if row in groups
            else " " * 34
            for tool, groups in peers.items()
        )
        print(f"{row:<28}{show(ours.seconds[measured]):>20}{cells}".rstrip())
    for tool, combinations in peers.items():
        for row, groups in combinations.items():
            if "total" in row:
                both = f"{show(ours.seconds[groups]):>20}{show(tool.seconds[groups]):>26}"
                print(f"{tool.name + ', ' + row:<60}{both}{ratio(tool, ours, groups):>8.1f}")


def show(seconds: list[float]) -> str:
    least, median = (1000 * value for value in (min(seconds), float(np.median(seconds))))
    return f"{least:.3g} ({median:.3g})" if least < 1000 else f"{least:.0f} ({median:.0f})"


def ratio(tool: Tool, ours: Tool, groups: tuple[str, ...]) -> float:
    return min(tool.seconds[groups]) / min(ours.seconds[groups])


def print_values(tool: Tool, ours: dict[str, float]) -> None:
    theirs = translate(tool.name, tool.ask(tool.groups, values=True))
    shared, close, near, differing = compare_values(ours, theirs)
    print(f"values: {shared} features in common with {tool.name}, {close} agree to 1e-6, {near} to 1e-3")
    reasons: dict[str, list[str]] = {}
    for feature in differing:
        reasons.setdefault(find_reason(tool.name, feature) or "reason not known", []).append(feature)
    for reason, features in reasons.items():
        listed = ", ".join(features[:8]) + (f" and {len(features) - 8} more" if len(features) > 8 else "")
        print(f"    {reason}: {listed}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=sys.executable, help="interpreter that has the other tools")
    parser.add_argument("--tools", nargs="+", choices=TOOLS[1:], default=TOOLS[1:])
    parser.add_argument("--cases", nargs="+", help="only cases whose names begin so")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=6.0, help="after which a tool's family is timed no more")
    options = parser.parse_args()
    interpreters = {"bayesrg": sys.executable} | dict.fromkeys(options.tools, options.peers)
    with tempfile.TemporaryDirectory() as folder:
        for name, (image, mask, n_levels) in make_cases().items():
            if options.cases is None or any(name.startswith(start) for start in options.cases):
                path = f"{folder}/case.npz"
                n_voxels = save_case(image, mask, n_levels, path)
                run_case(f"{name}, {n_voxels:,} voxels", path, interpreters, options.rounds, options.seconds)


if __name__ == "__main__":
    main()
