"""A large cohort joined: seconds and peak memory for 100,000 patients and 2,000 features.

    uv run python benchmarks/cohort_join.py [--patients 100000] [--features 2000]

Makes an imaging table of random numbers, a clinical table of 20 columns with its rows shuffled, and a genome table of
ten columns of nine patients in ten; joins them in a fresh process each, from a DataFrame in memory (made of columns, or
of one block of rows) and from Parquet and CSV files; prints how long it took and the peak of memory, input included.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

from bayesrg.cohort.flattening import to_table
from bayesrg.cohort.joining import join
from bayesrg.cohort.membership import membership
from bayesrg.cohort.missingness import missing_by_patient, missing_by_variable
from bayesrg.cohort.restricting import restrict
from bayesrg.cohort.source import Source

KINDS = ("columns", "rows", "parquet", "csv")
WRITE = "write"


def label_patients(n_patients: int) -> np.ndarray:
    """Return the labels of the patients."""
    return np.array([f"S{number:07d}" for number in range(n_patients)], dtype=object)


def make_imaging(n_patients: int, n_features: int, kind: str) -> pd.DataFrame:
    """Return the imaging table, its numbers lying column by column or row by row in memory."""
    rng = np.random.default_rng(1)
    names = [f"feature_{number:04d}" for number in range(n_features)]
    if kind == "rows":
        table = pd.DataFrame(rng.standard_normal((n_patients, n_features)), columns=names, copy=False)
        return table.set_axis(pd.Index(label_patients(n_patients), name="patient"))
    columns = {name: rng.standard_normal(n_patients) for name in names}
    return pd.DataFrame({"patient": label_patients(n_patients), **columns}, copy=False)


def make_others(n_patients: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the clinical table, its rows shuffled, and the genome table of nine patients in ten."""
    rng = np.random.default_rng(2)
    patients = label_patients(n_patients)
    clinical = pd.DataFrame({"patient": patients, "grade": rng.choice(["G2", "G3"], n_patients)})
    for number in range(19):
        clinical[f"clinical_{number:02d}"] = rng.standard_normal(n_patients)
    genome = pd.DataFrame({"patient": rng.permutation(patients)[: n_patients * 9 // 10]})
    for number in range(10):
        genome[f"GENE{number}"] = rng.integers(0, 2, len(genome))
    return clinical.sample(frac=1, random_state=3), genome


def run(kind: str, n_patients: int, n_features: int, folder: Path) -> None:
    """Join in this process, and print what it took."""
    path = folder / f"imaging.{kind}"
    imaging = path if path.exists() else make_imaging(n_patients, n_features, kind)
    clinical, genome = make_others(n_patients)
    sources = {
        "clinical": Source(clinical, "clinical"),
        "imaging": Source(imaging, "imaging"),
        "genome": Source(genome, "genome"),
    }
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start = time.perf_counter()
    cohort = join(sources)
    joined = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start = time.perf_counter()
    missing_by_variable(cohort)
    missing_by_patient(cohort)
    membership(cohort)
    counted = time.perf_counter() - start
    counted_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    assert cohort.sizes["patient"] == n_patients
    print(
        f"{kind:8} {n_patients} patients x {n_features} features: joined in {joined:.1f} s, peak {peak:.2f} GiB "
        f"({before:.2f} before); missing values and membership in {counted:.1f} s, peak {counted_peak:.2f} GiB"
    )
    del sources, imaging
    start = time.perf_counter()
    fewer = restrict(cohort, sources=["genome"], reason="genome known")
    print(f"         restricted to {fewer.sizes['patient']} patients in {time.perf_counter() - start:.1f} s", end="; ")
    start = time.perf_counter()
    table = to_table(fewer)
    print(f"as a table of {table.shape[1]} columns in {time.perf_counter() - start:.1f} s")


def main() -> None:
    """Join one kind of table here, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--features", type=int, default=2_000)
    parser.add_argument("--kind", choices=(WRITE, *KINDS))
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.kind == WRITE:
        table = pa.Table.from_pandas(make_imaging(given.patients, given.features, "columns"))
        parquet.write_table(table, given.folder / "imaging.parquet")
        csv.write_csv(table, given.folder / "imaging.csv")
    elif given.kind:
        run(given.kind, given.patients, given.features, given.folder)
    else:
        run_all(given.patients, given.features)


def run_all(n_patients: int, n_features: int) -> None:
    """Join from each kind of table, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        size = ["--patients", str(n_patients), "--features", str(n_features), "--folder", folder]
        for kind in (WRITE, *KINDS):  # this process stays small, for a child's peak begins with its parent's
            subprocess.run([sys.executable, __file__, "--kind", kind, *size], check=True)


if __name__ == "__main__":
    main()
