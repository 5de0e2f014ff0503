"""Commands that encode genomes: mutations, copy number, expression and methylation."""

import warnings
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bayesrg.cli.outcome import DONE, check_out, say
from bayesrg.errors import TableError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def run_encode(options: Namespace) -> int:
    """Encode one genomic file and write it."""
    from bayesrg.storage import check_suffix, write_dataset

    encode = {
        "mutations": _encode_mutations,
        "copy-number": _encode_copy_number,
        "expression": _encode_expression,
        "methylation": _encode_methylation,
    }[options.modality]
    check_suffix(options.out)
    check_out(
        options.out, *(value for name, value in vars(options).items() if name != "out" and isinstance(value, Path))
    )
    with warnings_told():
        data = encode(options)
        written = write_dataset(data, options.out, variable=options.variable)
    print(f"{_describe(data)}\nwritten to {written}")
    return DONE


@contextmanager
def warnings_told() -> Iterator[None]:
    """Tell the user each warning once, as a line on standard error."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = lambda message, *_, **__: say(f"bayesrg: note: {' '.join(str(message).split())}")
        yield


def read_list(path: Path, column: str) -> list[str]:
    """Return names from a file: a table's column of that name, or else its first; or text with a name a line."""
    from bayesrg.tables import SUFFIXES, read_table

    if path.name.lower().endswith(SUFFIXES):
        table = read_table(path, kind="list")
        if column not in table.columns:
            say(f"bayesrg: note: {path} has no column {column!r}; its first, {table.columns[0]!r}, was taken")
            column = str(table.columns[0])
        return [str(cell).strip() for cell in table[column].dropna()]
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as problem:
        raise TableError(f"{path}: expected text with a name a line ({problem})") from problem
    return [line.strip() for line in lines if line.strip()]


def _samples(options: Namespace) -> "pd.DataFrame | None":
    from bayesrg.tables import read_table

    if options.samples is None:
        return None
    return read_table(options.samples, text=["sample", "patient", "tumor", "region"], kind="table of samples")


def _encode_mutations(options: Namespace) -> "xr.Dataset":
    from bayesrg.genomics import read_maf
    from bayesrg.tables import SUFFIXES, read_table

    assayed: list[str] | pd.DataFrame | None = None
    if options.assayed is not None:
        table = options.assayed.name.lower().endswith(SUFFIXES)
        assayed = read_table(options.assayed) if table else read_list(options.assayed, "gene")
    data = read_maf(
        options.file,
        build=options.build,
        variants=options.variants,
        several=options.several,
        samples=_samples(options),
        assayed=assayed,
        panels=None if options.panels is None else read_table(options.panels),
        patients=None if options.patients is None else read_list(options.patients, "patient"),
        exome_size=options.exome_size,
        minimum_vaf=options.minimum_vaf,
        minimum_depth=options.minimum_depth,
    )
    if options.oncoplot is not None:
        from bayesrg.files import replace_atomically
        from bayesrg.reporting import oncoplot

        check_out(options.oncoplot, options.file)
        figure = oncoplot(data)
        with replace_atomically(options.oncoplot) as unfinished:
            figure.savefig(unfinished, format=options.oncoplot.suffix.removeprefix(".") or "svg")
        say(f"oncoplot written to {options.oncoplot}")
    return data


def _encode_copy_number(options: Namespace) -> "xr.Dataset":
    from bayesrg import genomics
    from bayesrg.tables import read_table

    annotation = None if options.annotation is None else genomics.read_annotation(options.annotation)
    if options.genes_in:
        table = genomics.read_matrix(options.file, across=options.genes_in)
    elif options.normal:
        depth, normal = (read_table(path, text=["chromosome"]) for path in (options.file, options.normal))
        ratios = genomics.log2_ratio_of_depth(depth, normal)
        table = genomics.segment(ratios, seed=options.seed, alpha=options.alpha, undo_sd=options.undo_sd)
    else:
        table = genomics.read_segments(options.file, scale=options.scale, build=options.build)
    data = genomics.encode_copy_number(
        table,
        annotation,
        scale=(options.scale or "log2_ratio") if options.genes_in else "log2_ratio",
        samples=_samples(options),
        level=options.level,
        several=options.several,
    )
    if options.purity is not None:
        purities = read_table(options.purity, text=["sample", "patient"], kind="table of purity")
        label = next((name for name in (options.level, "patient", "sample") if name in purities.columns), None)
        if label is None or "purity" not in purities.columns:
            raise TableError(
                f"{options.purity}: the columns are {', '.join(map(str, purities.columns))}; expected {options.level} "
                "and "
                "purity, and ploidy if it is not 2"
            )
        units = purities[label].astype(str)
        purity = dict(zip(units, purities["purity"], strict=True))
        ploidy = dict(zip(units, purities["ploidy"], strict=True)) if "ploidy" in purities.columns else 2.0
        data = _beside(data, genomics.correct_purity(data, purity, ploidy))
    if options.classes and "copy_number_class" not in data:
        data = _beside(data, genomics.discretise_copy_number(data, thresholds=options.thresholds))
    return data


def _encode_expression(options: Namespace) -> "xr.Dataset":
    from bayesrg import genomics

    lengths = None
    if options.lengths is not None:
        lengths = _read_lengths(options.lengths)
    read = genomics.read_counts if options.as_measured is None else genomics.read_matrix
    data = genomics.encode_expression(
        read(options.file, across=options.genes_in),
        lengths,
        measure=options.measure,
        as_measured=options.as_measured,
        counted=options.counted,
        estimated=options.estimated,
        normalise=options.normalise,
        minimum_cpm=options.minimum_cpm,
        minimum_units=options.minimum_units,
        without_length=options.without_length,
        ignore_versions=options.ignore_versions,
    )
    data = genomics.place_samples(data, _samples(options), level=options.level, several=options.several)
    if options.gene_sets is not None:
        data = _beside(data, genomics.score_pathways(data, genomics.read_gmt(options.gene_sets), method=options.method))
    return data


def _read_lengths(path: Path) -> "pd.DataFrame":
    from bayesrg.genomics import read_annotation
    from bayesrg.tables import SUFFIXES, read_table

    return read_table(path, text=["gene"]) if path.name.lower().endswith(SUFFIXES) else read_annotation(path)


def _encode_methylation(options: Namespace) -> "xr.Dataset":
    from bayesrg import genomics
    from bayesrg.tables import read_table

    def matrix(path: Path | None) -> "xr.DataArray | None":
        return None if path is None else genomics.read_matrix(path, over="cpg", across=options.cpgs_in)

    given = matrix(options.file)
    data = genomics.encode_methylation(
        None if options.unmethylated or options.coverage else given,
        methylated=given if options.unmethylated else None,
        methylated_reads=given if options.coverage else None,
        unmethylated=matrix(options.unmethylated),
        coverage=matrix(options.coverage),
        detection_p=matrix(options.detection_p),
        offset=options.offset,
        minimum_coverage=options.minimum_coverage,
        exclude=[] if options.exclude is None else read_list(options.exclude, "cpg"),
    )
    data = genomics.place_samples(data, _samples(options), level=options.level, several=options.several)
    if options.genes is not None:
        return genomics.average_methylation(data, read_table(options.genes), by="gene", groups=options.groups)
    if options.intervals is not None:
        intervals = genomics.read_annotation(options.intervals).rename(columns={"gene": "name"})
        positions = None if options.positions is None else read_table(options.positions, text=["cpg", "chromosome"])
        return genomics.average_methylation(data, intervals, by="interval", positions=positions)
    return data


def _beside(data: "xr.Dataset", made: "xr.Dataset") -> "xr.Dataset":
    """Return the data with what was made of them beside, and the longer history."""
    return data.assign(made.data_vars).assign_attrs(made.attrs)


def _describe(data: "xr.Dataset") -> str:
    """Return a line for each variable: its dims, and how much of it is missing."""
    lines = []
    for name, variable in data.data_vars.items():
        sizes = " x ".join(f"{size} {dim}s" for dim, size in variable.sizes.items())
        missing = int(variable.isnull().sum()) if variable.dtype.kind == "f" else 0
        lines.append(f"{name}: {sizes}" + (f", {missing} of {variable.size} values missing" if missing else ""))
    return "\n".join(lines)
