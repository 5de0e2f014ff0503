"""All features of real PET, MR and CT: what is undefined and why, time and memory, and what a second process brings.

    uv run python benchmarks/extraction_cohort.py

Reads the sarcoma images of `bayesrg.datasets`, each as it is and with another image processing (interpolated to 3 mm),
with the settings of its modality. A NaN without a reason is an error.
"""

import multiprocessing
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd

from bayesrg import datasets
from bayesrg.imaging import Perturbation
from bayesrg.radiomics import FEATURES, extract_cohort
from bayesrg.radiomics.modality import settings_for

MODALITIES = {"PET": "PT", "MR_T1": "MR", "CT": "CT"}
LEVELS = {
    "original": Perturbation(),
    "3 mm": Perturbation(settings={"interpolation": {"spacing": [3.0, 3.0, 3.0]}}),
}


def extract(images: pd.DataFrame, executor: ProcessPoolExecutor | None = None) -> tuple[pd.DataFrame, float, float]:
    """Return the features of all modalities, the wall time, and the CPU time of this process, in seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    tables = []
    for modality, rows in images.groupby("modality", sort=False):
        settings = settings_for(MODALITIES[str(modality)])
        tables.append(extract_cohort(rows, settings, perturbations=LEVELS, executor=executor, progress=False))
    failures = [failure for table in tables for failure in table.attrs["failures"]]
    assert not failures, failures
    return pd.concat(tables, ignore_index=True), time.perf_counter() - wall, time.process_time() - cpu


def describe(table: pd.DataFrame) -> None:
    """Print how many values there are of each modality, how many are undefined, and why."""
    names = [name for name in table if name in FEATURES]
    for modality, rows in table.groupby("modality", sort=False):
        undefined = int(rows[names].isna().to_numpy().sum())
        voxels = rows["n_voxels"]
        print(
            f"{modality:6} {len(rows):4} regions of {voxels.min()} to {voxels.max()} voxels: "
            f"{rows[names].size} values of {len(names)} features, {undefined} undefined"
        )
        for reason, count in rows.loc[rows["undefined"] != "", "undefined"].value_counts().items():
            print(f"         {count} regions: {reason}")
        for row in rows.itertuples():
            unexplained = [n for n in names if np.isnan(getattr(row, n)) and n not in str(row.undefined)]
            assert not unexplained, (row.subject, unexplained)


def main() -> None:
    """Extract with one process, then with two."""
    images = datasets.sarcomas()
    extract(images.iloc[[0, 60, 77]])  # compiles
    table, wall, cpu = extract(images)
    describe(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{len(table)} regions with one process: {wall:.1f} s, CPU {cpu:.1f} s, peak memory {peak:.2f} GiB")

    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as `bayesrg extract --jobs 2` has it
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        extract(images.iloc[[0, 1, 60, 61]], executor)  # both processes import and load the kernels
        shared, both, _ = extract(images, executor)
    pd.testing.assert_frame_equal(table, shared)
    print(f"{len(table)} regions with two processes: {both:.1f} s, {wall / both:.2f} times as fast, the same table")


if __name__ == "__main__":
    main()
