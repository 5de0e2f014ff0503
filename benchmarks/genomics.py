"""Genomes at full size: seconds and peak memory of each encoder, every one in a process of its own.

    uv run python benchmarks/genomics.py

Simulated data, from a fixed seed: a genome of bins of 50 kb with twenty segments, which circular binary segmentation
has to find; segments of 1,000 samples brought to 20,000 genes; a mutation annotation file of a million variants of
10,000 patients; counts of 20,000 genes in 1,000 samples; 450,000 CpG sites of 200 patients. Kernels were compiled
before the time is taken.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg import genomics
from bayesrg.genomics.chromosomes import CHROMOSOMES, LENGTHS

BIN = 50_000
GENES = [f"G{number}" for number in range(20_000)]


def simulate_bins(every: int = BIN, changes: int = 20) -> xr.Dataset:
    """Return log2 ratios of one sample in bins of all chromosomes, with segments of other levels and noise."""
    rng = np.random.default_rng(1)
    lengths = [LENGTHS["GRCh38"][chromosome] // every for chromosome in CHROMOSOMES[:24]]
    chromosome = np.repeat(CHROMOSOMES[:24], lengths)
    start = np.concatenate([np.arange(length) * every + 1 for length in lengths])
    cuts = np.sort(rng.choice(len(start), changes, replace=False))
    level = np.repeat(rng.choice([-0.6, 0.0, 0.4], changes + 1), np.diff([0, *cuts, len(start)]))
    values = level + rng.normal(0, 0.2, len(start))
    places = {"chromosome": ("bin", chromosome), "start": ("bin", start), "end": ("bin", start + every - 1)}
    return xr.Dataset({"log2_ratio": (("sample", "bin"), values[np.newaxis])}, {"sample": ["S1"], **places})


def annotate() -> pd.DataFrame:
    """Return places of 20,000 genes."""
    rng = np.random.default_rng(2)
    chromosome = rng.choice(CHROMOSOMES[:22], len(GENES))
    start = np.array([rng.integers(1, LENGTHS["GRCh38"][name] - 100_000) for name in chromosome])
    return pd.DataFrame({"gene": GENES, "chromosome": chromosome, "start": start, "end": start + 50_000})


def simulate_segments(samples: int = 1_000, each: int = 10) -> pd.DataFrame:
    """Return segments of every chromosome of every sample, as many of equal length on each."""
    rng = np.random.default_rng(3)
    blocks = []
    for chromosome in CHROMOSOMES[:24]:
        edges = np.linspace(0, LENGTHS["GRCh38"][chromosome], each + 1).astype(int)
        blocks.append(pd.DataFrame({"chromosome": chromosome, "start": edges[:-1] + 1, "end": edges[1:]}))
    one = pd.concat(blocks, ignore_index=True)
    table = pd.concat([one] * samples, ignore_index=True)
    table.insert(0, "sample", np.repeat([f"S{number:04d}" for number in range(samples)], len(one)))
    return table.assign(n_markers=100, log2_ratio=rng.normal(0, 0.3, len(table)))


def write_maf(path: Path, variants: int = 1_000_000, patients: int = 10_000) -> None:
    """Write a mutation annotation file."""
    rng = np.random.default_rng(4)
    start = rng.integers(1, 40_000_000, variants)
    pd.DataFrame(
        {
            "Hugo_Symbol": np.array(GENES)[rng.integers(0, len(GENES), variants)],
            "NCBI_Build": "GRCh38",
            "Chromosome": rng.choice(CHROMOSOMES[:22], variants),
            "Start_Position": start,
            "End_Position": start,
            "Variant_Classification": rng.choice(["Missense_Mutation", "Silent", "Nonsense_Mutation"], variants),
            "Variant_Type": "SNP",
            "Reference_Allele": "A",
            "Tumor_Seq_Allele2": "C",
            "Tumor_Sample_Barcode": np.char.add("P", rng.integers(0, patients, variants).astype(str)),
        }
    ).to_csv(path, sep="\t", index=False)


def prepare(task: str, folder: Path) -> Callable[[], object]:
    """Return the work of a task, its data made and its kernels compiled."""
    rng = np.random.default_rng(5)
    if task == "segmentation":
        genomics.segment(simulate_bins(5_000_000), seed=1)
        bins = simulate_bins()
        return lambda: genomics.segment(bins, seed=1)
    if task == "genes of segments":
        annotation, segments = annotate(), simulate_segments()
        genomics.genes_of_segments(simulate_segments(2), annotation)
        return lambda: genomics.genes_of_segments(segments, annotation)
    if task.startswith("variants"):
        path = folder / "variants.maf"
        write_maf(path)
        if task == "variants read":
            return lambda: genomics.read_variants(path, duplicates="first")
        return lambda: genomics.read_maf(path, duplicates="first", quantities=("mutated",), dtype="float32")
    if task == "expression":
        counts = pd.DataFrame(rng.poisson(50, (len(GENES), 1_000)), GENES, [f"S{number}" for number in range(1_000)])
        lengths = pd.Series(rng.integers(500, 10_000, len(GENES)), GENES)
        return lambda: genomics.encode_expression(counts, lengths)
    sites, patients = [f"cg{number:08d}" for number in range(450_000)], [f"P{number}" for number in range(200)]
    beta = xr.DataArray(rng.beta(0.5, 0.5, (200, 450_000)), {"patient": patients, "cpg": sites}, ("patient", "cpg"))
    return lambda: genomics.encode_methylation(beta)


TASKS = {
    "segmentation": "61,903 bins, 20 breakpoints, one sample",
    "genes of segments": "240,000 segments of 1,000 samples to 20,000 genes",
    "variants read": "1,000,000 variants of 10,000 patients",
    "variants to genes": "the same, and encoded for 20,000 genes (mutated, float32)",
    "expression": "20,000 genes x 1,000 samples, counts to TPM and log2",
    "methylation": "450,000 CpG sites x 200 patients, beta to M",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=TASKS, help="one task in this process; without it, each in its own")
    task = parser.parse_args().task
    if task is None:
        print(f"{'task':18} {'seconds':>8} {'peak GiB':>9} {'data GiB':>9}  size")
        for name in TASKS:
            subprocess.run([sys.executable, __file__, "--task", name], check=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        work = prepare(task, Path(folder))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        found = work()
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = f"; {len(found)} segments" if isinstance(found, pd.DataFrame) and task == "segmentation" else ""
    print(f"{task:18} {seconds:8.2f} {peak / 2**20:9.2f} {before / 2**20:9.2f}  {TASKS[task]}{told}", flush=True)


if __name__ == "__main__":
    main()
