"""How each modality is encoded from the parsed command line; every function returns the Dataset."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesrg.cli.outcome import check_out, given, read_list, refuse_idle, say
from bayesrg.errors import SettingsError, TableError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def encode_mutations(options: Namespace) -> "xr.Dataset":
    """Return mutations from a MAF, and draw their oncoplot if one is asked for."""
    from bayesrg.genomics import read_maf
    from bayesrg.tables import SUFFIXES, read_table

    refuse_idle(
        options, ("panels", ("assayed",)), ("burden", ("exome_size",)), ("allele_fraction_unit", ("allele_fraction",))
    )
    if options.oncoplot is not None:
        check_out(options.oncoplot, options.file)
    assayed: list[str] | pd.DataFrame | None = None
    if options.assayed is not None:
        table = options.assayed.name.lower().endswith(SUFFIXES)
        assayed = read_table(options.assayed) if table else read_list(options.assayed, "gene")
    data = read_maf(
        options.file,
        samples=_samples(options),
        assayed=assayed,
        panels=None if options.panels is None else read_table(options.panels),
        patients=None if options.patients is None else read_list(options.patients, "patient"),
        classes=options.count_classes,
        **given(
            options, "build", "variants", "several", "exome_size", "burden", "allele_fraction", "allele_fraction_unit"
        ),
        **given(options, "unassayed", "unlisted", "duplicates", "minimum_vaf", "minimum_depth"),
    )
    if options.oncoplot is not None:
        from bayesrg.files import replace_atomically
        from bayesrg.reporting import oncoplot

        figure = oncoplot(data)
        with replace_atomically(options.oncoplot) as unfinished:
            figure.savefig(unfinished, format=options.oncoplot.suffix.removeprefix(".") or "svg")
        say(f"oncoplot written to {options.oncoplot}")
    return data


def encode_copy_number(options: Namespace) -> "xr.Dataset":
    """Return the copy number of genes, from segments, a matrix or depth."""
    from bayesrg import genomics
    from bayesrg.tables import read_table

    refuse_idle(
        options,
        *((name, ("normal",)) for name in ("seed", "alpha", "undo_sd")),
        ("thresholds", ("classes",)),
        *((name, ("annotation",)) for name in ("gene_names", "several_places")),
        ("sex", ("purity", "classes", "scale")),
    )
    of_segments = [name for name in ("build", "column", "missing") if getattr(options, name)]
    if options.normal is not None and (options.genes_in or options.scale or of_segments):
        raise SettingsError("--normal compares depth; leave out --genes-in, --scale and options of segments beside it")
    if options.genes_in is not None and of_segments:
        raise SettingsError(f"--{of_segments[0]} is for segments; leave it out beside --genes-in")
    samples = _samples(options)
    sex = None if options.sex is None else _column_by_unit(options.sex, "sex", options.level, samples)
    # Counts of copies are compared with those of a normal cell, which depend on sex for X and Y.
    by_sex: dict[str, Any] = {"sex": sex} if options.scale in ("copy_number", "copy_number_minus_2") else {}
    annotation = None if options.annotation is None else _read_annotation(options.annotation, options)
    plausibility: dict[str, Any] = {"check_plausibility": not options.implausible}
    scale = "log2_ratio"
    if options.genes_in:
        scale = options.scale or "log2_ratio"
        if options.genes_in == "rows":
            table = genomics.read_gene_copy_number(options.file)
        else:
            table = genomics.read_matrix(options.file, across="columns")
    elif options.normal:
        depth, normal = (read_table(path, text=["chromosome"]) for path in (options.file, options.normal))
        ratios = genomics.log2_ratio_of_depth(depth, normal)
        table = genomics.segment(ratios, seed=options.seed or 0, **given(options, "alpha", "undo_sd"))
    else:
        told = given(options, "scale", "build", "column", "missing")
        table = genomics.read_segments(options.file, **told, **plausibility, **by_sex)
    data = genomics.encode_copy_number(
        table,
        annotation,
        scale=scale,
        samples=samples,
        **given(options, "level", "several"),
        **plausibility,
        **(by_sex if options.genes_in else {}),
    )
    if options.purity is not None:
        purity = _column_by_unit(options.purity, "purity", options.level, samples)
        ploidy = _column_by_unit(options.purity, "ploidy", options.level, samples, otherwise=2.0)
        data = _beside(data, genomics.correct_purity(data, purity, ploidy, sex=sex))
    if options.classes and "copy_number_class" not in data:
        copies: dict[str, Any] = {} if options.purity is None else {"sex": sex}
        data = _beside(data, genomics.discretise_copy_number(data, **given(options, "thresholds"), **copies))
    return data


def encode_expression(options: Namespace) -> "xr.Dataset":
    """Return expression, and the scores of gene sets if there are any."""
    from bayesrg import genomics
    from bayesrg.tables import SUFFIXES, read_table

    refuse_idle(
        options,
        ("minimum_units", ("minimum_cpm",)),
        ("method", ("gene_sets",)),
        *((name, ("lengths",)) for name in ("gene_names", "several_places")),
    )
    lengths: pd.DataFrame | None = None
    if options.lengths is not None:
        table = options.lengths.name.lower().endswith(SUFFIXES)
        lengths = read_table(options.lengths, text=["gene"]) if table else _read_annotation(options.lengths, options)
    if options.strand is not None and options.as_measured is not None:
        raise SettingsError("--strand is for counts by STAR; leave it out beside --as-measured")
    counts = options.as_measured is None
    matrix = (
        genomics.read_counts(options.file, across=options.genes_in, **given(options, "strand"))
        if counts
        else genomics.read_matrix(options.file, across=options.genes_in)
    )
    data = genomics.encode_expression(
        matrix,
        lengths,
        samples=_samples(options),
        **given(options, "measure", "as_measured", "counted", "estimated", "normalise", "minimum_cpm", "minimum_units"),
        **given(options, "without_length", "ignore_versions", "level", "several"),
    )
    if options.gene_sets is not None:
        sets = genomics.read_gmt(options.gene_sets)
        data = _beside(data, genomics.score_pathways(data, sets, **given(options, "method")))
    return data


def encode_methylation(options: Namespace) -> "xr.Dataset":
    """Return methylation of CpG sites, or its means by gene or interval."""
    from bayesrg import genomics
    from bayesrg.tables import read_table

    refuse_idle(
        options,
        ("offset", ("unmethylated",)),
        ("minimum_coverage", ("coverage",)),
        ("groups", ("genes",)),
        ("positions", ("intervals",)),
        *((name, ("genes", "intervals")) for name in ("of", "minimum_cpgs")),
    )

    def matrix(path: Path | None) -> "xr.DataArray | None":
        return None if path is None else genomics.read_matrix(path, over="cpg", across=options.cpgs_in)

    table = matrix(options.file)
    data = genomics.encode_methylation(
        None if options.unmethylated or options.coverage else table,
        methylated=table if options.unmethylated else None,
        methylated_reads=table if options.coverage else None,
        unmethylated=matrix(options.unmethylated),
        coverage=matrix(options.coverage),
        detection_p=matrix(options.detection_p),
        exclude=[] if options.exclude is None else read_list(options.exclude, "cpg"),
        samples=_samples(options),
        **given(options, "offset", "minimum_coverage", "level", "several"),
    )
    means = given(options, "of", "minimum_cpgs")
    if options.genes is not None:
        return genomics.average_methylation(data, read_table(options.genes), **given(options, "groups"), **means)
    if options.intervals is not None:
        intervals = genomics.read_annotation(options.intervals).rename(columns={"gene": "name"})
        positions = None if options.positions is None else read_table(options.positions, text=["cpg", "chromosome"])
        return genomics.average_methylation(data, intervals, by="interval", positions=positions, **means)
    return data


def _samples(options: Namespace) -> "pd.DataFrame | None":
    from bayesrg.tables import read_table

    if options.samples is None:
        return None
    return read_table(options.samples, text=["sample", "patient", "tumor", "region"], kind="table of samples")


def _read_annotation(path: Path, options: Namespace) -> "pd.DataFrame":
    from bayesrg.genomics import read_annotation

    renamed = {"names": options.gene_names, "several": options.several_places}
    return read_annotation(path, **{name: value for name, value in renamed.items() if value is not None})


def _column_by_unit(
    path: Path, column: str, level: str, samples: "pd.DataFrame | None", otherwise: float | None = None
) -> Any:
    """Return a column of a table by unit; a table by sample is brought to units through the table of samples."""
    from bayesrg.samples import identify_samples, unit_coords
    from bayesrg.tables import read_table

    table = read_table(path, text=["sample", "patient", "tumor", "region", "sex"])
    if column not in table.columns and otherwise is not None:
        return otherwise
    label = next((name for name in (level, "patient", "sample") if name in table.columns), None)
    if label is None or column not in table.columns:
        raise TableError(
            f"{path}: the columns are {', '.join(map(str, table.columns))}; expected {column} and {level} or sample"
        )
    units = table[label].astype(str)
    if label == "sample":
        units = unit_coords(identify_samples(list(units), samples), level)[level][1]  # pyright: ignore[reportArgumentType]
    return dict(zip(units, table[column], strict=True))


def _beside(data: "xr.Dataset", made: "xr.Dataset") -> "xr.Dataset":
    """Return the data with what was made of them beside, and the longer history."""
    return data.assign(made.data_vars).assign_attrs(made.attrs)
