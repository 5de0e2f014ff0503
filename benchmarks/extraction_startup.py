"""What the extractor costs besides measuring: compiling at first use, starting later, and a second worker process.

First use: CPU seconds of a new process that compiles every family for one small region, with an empty cache; then the
wall seconds of processes that find the kernels on disk, from their start to the first feature and to all of them.
Cohort: the PET images of 51 sarcomas, interpolated to 2 mm, all features, wall seconds with one worker process and with
two, the least of some runs that take turns. Run ``uv run python benchmarks/extraction_startup.py``.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pandas as pd

from bayesrg import datasets
from bayesrg.radiomics import Settings, extract_cohort
from bayesrg.settings import from_dict

ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
FIRST = """
import time
started = time.perf_counter()
import numpy as np, SimpleITK as sitk
from bayesrg.radiomics import Settings, extract
from bayesrg.settings import from_dict
rng = np.random.default_rng(0)
z, y, x = np.indices((16, 16, 16)) - 8
image = sitk.GetImageFromArray(np.rint(100 * rng.standard_normal((16, 16, 16))))
mask = sitk.GetImageFromArray((z * z + y * y + x * x <= 25).astype(np.uint8))
extract(image, mask, from_dict(Settings, {"features": {"families": ["statistics"]}}))
first = time.perf_counter() - started
extract(image, mask)
print(first, time.perf_counter() - started, time.process_time())
"""
SETTINGS = {
    "interpolation": {"spacing": [2.0, 2.0, 2.0]},
    "intensity_volume_histogram": {"method": "fixed_bin_number", "number": 1000},
}


def start(cache: str) -> tuple[float, float, float]:
    """Wall seconds of a new process to its first feature and to all, and its CPU seconds."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST],
        env={**os.environ, **ONE_THREAD, "NUMBA_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=True,
    )
    first, whole, processor = map(float, done.stdout.split()[-3:])
    return first, whole, processor


def time_cohort(cohort: pd.DataFrame, settings: Settings, workers: int) -> float:
    """Wall seconds of a cohort, after the workers have started and loaded their kernels."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
        extract_cohort(cohort.iloc[: 2 * workers], settings, executor=executor, progress=False)
        started = time.perf_counter()
        extract_cohort(cohort, settings, executor=executor, progress=False)
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    os.environ.update(ONE_THREAD)
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory() as cache:
        _, _, compiling = start(cache)
        later = [start(cache) for _ in range(repeats)]
    print(f"all families compiled by a process of {compiling:.1f} s CPU")
    print(
        f"a later process: first feature after {min(first for first, _, _ in later):.2f} s, "
        f"all after {min(whole for _, whole, _ in later):.2f} s, {min(cpu for _, _, cpu in later):.2f} s CPU"
    )
    cohort, settings = datasets.sarcoma_pet(), from_dict(Settings, SETTINGS)
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(repeats):
        for workers, spent in seconds.items():
            spent.append(time_cohort(cohort, settings, workers))
    one, two = (min(spent) for spent in seconds.values())
    print(f"{len(cohort)} PET images: {one:.1f} s with one worker, {two:.1f} s with two, {one / two:.2f} times faster")


if __name__ == "__main__":
    main()
