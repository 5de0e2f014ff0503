"""What the extractor costs before it measures: compiling at first use, and starting later.

CPU seconds of a new process that compiles every family for one small region, with an empty cache; then the wall seconds
of processes that find the kernels on disk, from their start to the first feature and to all of them, one thread. Run
``uv run python benchmarks/extraction_startup.py``.
"""

import argparse
import os
import subprocess
import sys
import tempfile

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


def start(cache: str) -> tuple[float, float, float]:
    """Wall seconds of a new process to its first feature and to all, and its CPU seconds."""
    # Python keeps compiled modules on disk, as it does for every user who has not told it otherwise.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", FIRST],
        env={**environment, **ONE_THREAD, "NUMBA_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=True,
    )
    first, whole, processor = map(float, done.stdout.split()[-3:])
    return first, whole, processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as cache:
        _, _, compiling = start(cache)
        later = [start(cache) for _ in range(repeats)]
    print(f"all families compiled by a process of {compiling:.1f} s CPU")
    print(
        f"a later process: first feature after {min(first for first, _, _ in later):.2f} s, "
        f"all after {min(whole for _, whole, _ in later):.2f} s, {min(cpu for _, _, cpu in later):.2f} s CPU"
    )


if __name__ == "__main__":
    main()
