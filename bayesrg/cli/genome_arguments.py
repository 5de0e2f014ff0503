"""What the command line understands of genomes and cohorts: `encode` and `join`, their options, and examples."""

import argparse
from collections.abc import Callable
from pathlib import Path

Add = Callable[[argparse._SubParsersAction, str, str, str], argparse.ArgumentParser]

_ENCODE = """examples:
  bayesrg encode mutations tcga_laml.maf.gz --out mutations.zarr.zip --oncoplot oncoplot.svg
  bayesrg encode copy-number segments.seg --annotation genes.gtf.gz --classes --out copy_number.zarr.zip
  bayesrg encode expression counts.tsv --lengths genes.gtf.gz --out expression.zarr.zip
  bayesrg encode methylation betas.csv.gz --genes manifest.csv --out methylation.zarr.zip

A .zarr.zip file holds everything, with units and history, and goes into `bayesrg join`; a .csv or .parquet file holds
one variable as a table, a row per patient and a column per gene.

Samples are placed over patients: TCGA barcodes tell theirs, other names are taken as the patient's own; --samples gives
a table with the columns sample, patient and, if need be, tumor and region.
"""

_MUTATIONS = """examples:
  bayesrg encode mutations tcga_laml.maf.gz --out mutations.zarr.zip
  bayesrg encode mutations panel.maf --variants snv+indel --assayed panel_genes.txt --patients sequenced.csv \\
      --exome-size 1.2 --out mutated.csv --variable mutated

A gene is 1 in a patient with any nonsynonymous SNV (--variants snv+indel counts small insertions and deletions too), 0
without, and missing where it was not assayed. A MAF does not list patients without variants: name them in --patients.
"""

_COPY_NUMBER = """examples:
  bayesrg encode copy-number segments.seg --annotation genes.gtf.gz --classes --out copy_number.zarr.zip
  bayesrg encode copy-number LAML_CBS_segments.tsv.gz --scale copy_number_minus_2 --annotation genes.bed \\
      --out cn.zarr.zip
  bayesrg encode copy-number ratios.csv --genes-in rows --purity purity.csv --out copies.zarr.zip
  bayesrg encode copy-number tumor.tsv --normal normal.tsv --annotation genes.bed --seed 1 --out cn.zarr.zip

FILE holds segments (SEG, CBS, CNVkit); with --genes-in a matrix of genes; with --normal the read depth of bins (columns
chromosome, start, end and one per sample), which is compared with the normals' and segmented by circular binary
segmentation. The purity table has the columns sample (or patient), purity and, if need be, ploidy.
"""

_EXPRESSION = """examples:
  bayesrg encode expression counts.tsv --lengths genes.gtf.gz --out expression.zarr.zip
  bayesrg encode expression counts.tsv --measure cpm --normalise tmm --minimum-cpm 1 --out cpm.csv --variable log2_cpm
  bayesrg encode expression fpkm.csv --as-measured fpkm --measure tpm --gene-sets hallmarks.gmt --out scores.zarr.zip

Raw counts become TPM (with --lengths), FPKM or CPM, and log2(1 + x). With --gene-sets the scores of the sets are added.
"""

_METHYLATION = """examples:
  bayesrg encode methylation betas.csv.gz --out methylation.zarr.zip
  bayesrg encode methylation methylated.csv --unmethylated unmethylated.csv --detection-p p.csv --out betas.zarr.zip
  bayesrg encode methylation reads.tsv --coverage coverage.tsv --intervals islands.bed --out islands.zarr.zip

FILE holds beta values; with --unmethylated the intensities of methylated probes; with --coverage counts of methylated
reads. --genes and --intervals average the CpG sites, and take their place in the output.
"""

_JOIN = """examples:
  bayesrg join --imaging features.csv --genome mutations.zarr.zip --clinical clinical.xlsx --out cohort.zarr.zip
  bayesrg join --imaging vasari.csv --clinical clinical.csv --patient Tumor --patient vasari=column_1 --mend-names \\
      --suggest identifiers.csv
  bayesrg join --imaging vasari.csv --clinical clinical.csv --patient Tumor --patient vasari=column_1 --mend-names \\
      --identifiers identifiers.csv --role grade=outcome --out cohort.zarr.zip --report flow.html --table cohort.csv

Each table is a source, called by its file's name without the ending. Identifiers that look alike and differ (in case, a
suffix, white space) are refused with the list; --suggest writes a table to check and to give back as --identifiers.
Nobody is dropped: who is missing from which table is in the cohort, and on its page.
"""


def add_encode(commands: argparse._SubParsersAction, add: Add) -> None:
    """Add the command `encode` with its four modalities."""
    encode = add(commands, "encode", "encode a genomic file over patients and genes", _ENCODE)
    modalities = encode.add_subparsers(metavar="MODALITY", required=True, dest="modality")
    _add_mutations(add(modalities, "mutations", "which genes of whom are mutated, from a MAF", _MUTATIONS))
    _add_copy_number(add(modalities, "copy-number", "the copy number of genes, from segments or depth", _COPY_NUMBER))
    _add_expression(add(modalities, "expression", "expression as TPM, FPKM or CPM, and pathway scores", _EXPRESSION))
    _add_methylation(add(modalities, "methylation", "beta and M values of CpG sites, genes or intervals", _METHYLATION))


def _add_common(parser: argparse.ArgumentParser, what: str, levels: bool = True) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help=what)
    parser.add_argument(
        "--out", metavar="FILE", type=Path, required=True, help="file to write: .zarr.zip, or .csv or .parquet"
    )
    parser.add_argument("--variable", metavar="NAME", help="of a .csv or .parquet file: which variable it holds")
    parser.add_argument(
        "--samples", metavar="FILE", type=Path, help="table with the columns sample, patient (and tumor, region)"
    )
    if levels:
        parser.add_argument(
            "--level",
            choices=("patient", "tumor", "region"),
            default="patient",
            help="what a row is of (default: patient)",
        )
        parser.add_argument(
            "--several",
            choices=("refuse", "mean", "maximum", "first"),
            default="refuse",
            help="what becomes of several samples of one unit (default: refuse)",
        )


def _add_mutations(parser: argparse.ArgumentParser) -> None:
    _add_common(parser, "mutation annotation file (MAF), gzipped or not", levels=False)
    parser.add_argument(
        "--variants",
        choices=("snv", "snv+indel"),
        default="snv",
        help="nonsynonymous substitutions (default), or small insertions and deletions too",
    )
    parser.add_argument(
        "--several",
        choices=("any", "all", "separate"),
        default="any",
        help="a patient with several samples is mutated if any or all are, or each sample is a row (default: any)",
    )
    parser.add_argument("--build", metavar="NAME", help="genome build that the file must have, such as GRCh38")
    parser.add_argument(
        "--assayed",
        metavar="FILE",
        type=Path,
        help="genes assayed: one a line, or a table with patient (or panel) and gene; without it, those in FILE",
    )
    parser.add_argument(
        "--panels", metavar="FILE", type=Path, help="table with patient and panel, for --assayed by panel"
    )
    parser.add_argument(
        "--patients",
        metavar="FILE",
        type=Path,
        help="everybody sequenced: one a line, or a table's column patient (or first); without it, those in FILE",
    )
    parser.add_argument("--exome-size", metavar="MB", type=float, help="megabases assayed, for the mutational burden")
    parser.add_argument("--minimum-vaf", metavar="SHARE", type=float, help="least variant allele fraction that counts")
    parser.add_argument("--minimum-depth", metavar="READS", type=float, help="least depth that counts")
    parser.add_argument("--oncoplot", metavar="FILE", type=Path, help="also draw an oncoplot (.svg, .pdf or .png)")


def _add_copy_number(parser: argparse.ArgumentParser) -> None:
    _add_common(parser, "segments, or a matrix of genes (--genes-in), or depth of bins (--normal)")
    parser.add_argument("--annotation", metavar="FILE", type=Path, help="where genes are: GTF, GFF3 or BED")
    parser.add_argument(
        "--scale",
        choices=("log2_ratio", "ratio", "copy_number", "copy_number_minus_2", "copy_number_class"),
        help="what the values are, where the column's name does not say it",
    )
    parser.add_argument("--build", metavar="NAME", help="genome build of the segments, to check them: GRCh37 or GRCh38")
    parser.add_argument("--genes-in", choices=("rows", "columns"), help="FILE is a matrix: where its genes are")
    parser.add_argument("--normal", metavar="FILE", type=Path, help="depth of the normals in the same bins")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="seed of the segmentation (default: 0)")
    parser.add_argument("--alpha", metavar="P", type=float, default=0.01, help="level of a breakpoint (default: 0.01)")
    parser.add_argument("--undo-sd", metavar="SD", type=float, help="undo breakpoints of fewer standard deviations")
    parser.add_argument("--purity", metavar="FILE", type=Path, help="table of purity, to correct for: absolute copies")
    parser.add_argument(
        "--classes", action="store_true", help="add classes from -2 (deep deletion) to 2 (amplification)"
    )
    parser.add_argument(
        "--thresholds",
        metavar="X",
        type=float,
        nargs=4,
        help="with --classes: the four limits between them (default: those of the documentation)",
    )


def _add_expression(parser: argparse.ArgumentParser) -> None:
    _add_common(parser, "matrix of counts, a gene a row and a sample a column")
    parser.add_argument(
        "--genes-in", choices=("rows", "columns"), default="rows", help="where genes are (default: rows)"
    )
    parser.add_argument(
        "--lengths", metavar="FILE", type=Path, help="lengths of genes: GTF, or a table with gene, length"
    )
    parser.add_argument("--measure", choices=("tpm", "fpkm", "cpm"), help="what to compute (default: tpm)")
    parser.add_argument(
        "--as-measured",
        choices=("tpm", "fpkm", "cpm", "log2_tpm", "log2_fpkm", "log2_cpm"),
        help="what FILE holds, where it does not hold raw counts",
    )
    parser.add_argument(
        "--counted",
        choices=("fragments", "reads", "mates"),
        default="fragments",
        help="what one count is; mates of paired ends that were counted apart are halved (default: fragments)",
    )
    parser.add_argument("--estimated", action="store_true", help="counts may be fractions (RSEM, Salmon, kallisto)")
    parser.add_argument("--normalise", choices=("tmm", "median_of_ratios"), help="make library sizes comparable")
    parser.add_argument("--minimum-cpm", metavar="X", type=float, help="leave out genes that do not reach this")
    parser.add_argument(
        "--minimum-units", metavar="N", type=int, default=2, help="with --minimum-cpm: in so many samples (default: 2)"
    )
    parser.add_argument(
        "--without-length", choices=("refuse", "leave_out"), default="refuse", help="genes without length"
    )
    parser.add_argument("--ignore-versions", action="store_true", help="ENSG00000141510.18 is ENSG00000141510")
    parser.add_argument("--gene-sets", metavar="FILE", type=Path, help="GMT file of gene sets to score")
    parser.add_argument(
        "--method",
        choices=("mean_z", "ssgsea"),
        default="mean_z",
        help="with --gene-sets: mean z-score, or single-sample GSEA, which needs gseapy (default: mean_z)",
    )


def _add_methylation(parser: argparse.ArgumentParser) -> None:
    _add_common(parser, "matrix of beta values, or of methylated intensities or reads; a CpG a row")
    parser.add_argument("--cpgs-in", choices=("rows", "columns"), default="rows", help="where CpGs are (default: rows)")
    parser.add_argument("--unmethylated", metavar="FILE", type=Path, help="intensities of the unmethylated probes")
    parser.add_argument("--coverage", metavar="FILE", type=Path, help="reads that cover each site")
    parser.add_argument("--offset", metavar="X", type=float, default=100.0, help="added to intensities (default: 100)")
    parser.add_argument(
        "--minimum-coverage", metavar="READS", type=int, default=5, help="fewer reads are missing (default: 5)"
    )
    parser.add_argument("--detection-p", metavar="FILE", type=Path, help="detection p-values; above 0.01 is missing")
    parser.add_argument("--exclude", metavar="FILE", type=Path, help="CpG sites to leave out, one a line")
    means = parser.add_mutually_exclusive_group()
    means.add_argument(
        "--genes", metavar="FILE", type=Path, help="average by gene: table with cpg and gene (and group)"
    )
    means.add_argument("--intervals", metavar="FILE", type=Path, help="average by interval: BED file")
    parser.add_argument("--groups", metavar="NAME", nargs="+", help="with --genes: only CpGs in these parts, as TSS200")
    parser.add_argument(
        "--positions", metavar="FILE", type=Path, help="with --intervals: table of cpg, chromosome, position"
    )


def add_join(commands: argparse._SubParsersAction, add: Add) -> None:
    """Add the command `join`."""
    join = add(commands, "join", "join imaging, genomic and clinical tables into one cohort", _JOIN)
    for role, what in {
        "imaging": "features of images",
        "genome": "genomic data: files of `bayesrg encode`, or tables",
        "clinical": "who the patients are, and how they were treated",
        "batch": "scanners, sites, plates",
        "outcome": "what became of the patients",
    }.items():
        join.add_argument(f"--{role}", metavar="FILE", type=Path, action="append", default=[], help=what)
    for level in ("patient", "tumor", "region"):
        join.add_argument(
            f"--{level}",
            metavar="[SOURCE=]COL",
            action="append",
            default=[],
            help=f"column of the {level}s, in all tables or in one"
            + (" (default: patient)" if level == "patient" else "; without it the table has none"),
        )
    join.add_argument(
        "--role", metavar="COL=ROLE", action="append", default=[], help="role of a column that differs from its table's"
    )
    join.add_argument(
        "--text", metavar="COL", nargs="+", default=[], help="columns that stay text though they hold numbers"
    )
    join.add_argument("--exclude", metavar="COL", nargs="+", default=[], help="columns to leave out")
    join.add_argument(
        "--missing", metavar="WORD", nargs="+", default=[], help="words that mean missing, beside NA and empty cells"
    )
    join.add_argument("--mend-names", action="store_true", help="number columns without a name or with another's name")
    join.add_argument("--identifiers", metavar="FILE", type=Path, help="table with found and meant, checked by you")
    join.add_argument("--patients", metavar="FILE", type=Path, help="those enrolled: one a line, or a column patient")
    join.add_argument("--suggest", metavar="FILE", type=Path, help="write a table of identifiers to check, and stop")
    join.add_argument("--out", metavar="FILE", type=Path, help="file of the cohort, .zarr.zip")
    join.add_argument(
        "--report", metavar="FILE", type=Path, help="also write its page (HTML): flow, who is where, missing"
    )
    join.add_argument("--table", metavar="FILE", type=Path, help="also write a flat table (.csv or .parquet)")
    join.add_argument("--show-patients", action="store_true", help="let identifiers of patients stand on the page")
