"""What the command line understands of `encode`: four modalities, their options, and examples."""

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
a table with the columns sample, patient and, if need be, tumor and region. Where a message names an option such as
unassayed='leave_out', the flag is --unassayed leave_out.
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
    parser.add_argument(
        "--burden",
        choices=("counted", "coding"),
        help="with --exome-size: variants that count (the default), or all coding ones, silent ones too",
    )
    parser.add_argument("--allele-fraction", metavar="COL", help="column of the variant allele fraction")
    parser.add_argument(
        "--allele-fraction-unit", choices=("share", "percent"), help="what it holds (default: its values decide)"
    )
    parser.add_argument(
        "--count-classes", metavar="CLASS", nargs="+", help="classes that count, in place of the nonsynonymous ones"
    )
    parser.add_argument(
        "--unassayed", choices=("refuse", "leave_out"), default="refuse", help="variants in genes that were not assayed"
    )
    parser.add_argument(
        "--unlisted", choices=("refuse", "leave_out"), default="refuse", help="variants of patients not in --patients"
    )
    parser.add_argument(
        "--duplicates", choices=("refuse", "first"), default="refuse", help="a variant that stands in two rows"
    )
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
    _add_annotation_options(parser)
    parser.add_argument("--build", metavar="NAME", help="genome build of the segments, to check them: GRCh37 or GRCh38")
    parser.add_argument("--column", metavar="COL", help="of segments: the column with the values")
    parser.add_argument(
        "--missing", choices=("refuse", "leave_out"), help="of segments: rows without a value (default: refuse)"
    )
    parser.add_argument(
        "--implausible", action="store_true", help="take values that can hardly be on the scale that was given"
    )
    parser.add_argument("--sex", metavar="FILE", type=Path, help="table with patient and sex, for copies of X and Y")
    parser.add_argument("--genes-in", choices=("rows", "columns"), help="FILE is a matrix: where its genes are")
    parser.add_argument("--normal", metavar="FILE", type=Path, help="depth of the normals in the same bins")
    parser.add_argument("--seed", metavar="N", type=int, help="with --normal: seed of the segmentation (default: 0)")
    parser.add_argument("--alpha", metavar="P", type=float, help="with --normal: level of a breakpoint (default: 0.01)")
    parser.add_argument("--undo-sd", metavar="SD", type=float, help="with --normal: undo breakpoints of fewer sds")
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
    parser.add_argument(
        "--strand", choices=("unstranded", "forward", "reverse"), help="of a file by STAR: which of its columns counts"
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
        "--minimum-units", metavar="N", type=int, help="with --minimum-cpm: in so many samples (default: 2)"
    )
    _add_annotation_options(parser)
    parser.add_argument(
        "--without-length", choices=("refuse", "leave_out"), default="refuse", help="genes without length"
    )
    parser.add_argument("--ignore-versions", action="store_true", help="ENSG00000141510.18 is ENSG00000141510")
    parser.add_argument("--gene-sets", metavar="FILE", type=Path, help="GMT file of gene sets to score")
    parser.add_argument(
        "--method",
        choices=("mean_z", "ssgsea"),
        help="with --gene-sets: mean z-score, or single-sample GSEA, which needs gseapy (default: mean_z)",
    )


def _add_methylation(parser: argparse.ArgumentParser) -> None:
    _add_common(parser, "matrix of beta values, or of methylated intensities or reads; a CpG a row")
    parser.add_argument("--cpgs-in", choices=("rows", "columns"), default="rows", help="where CpGs are (default: rows)")
    parser.add_argument("--unmethylated", metavar="FILE", type=Path, help="intensities of the unmethylated probes")
    parser.add_argument("--coverage", metavar="FILE", type=Path, help="reads that cover each site")
    parser.add_argument("--offset", metavar="X", type=float, help="with --unmethylated: added (default: 100)")
    parser.add_argument(
        "--minimum-coverage", metavar="READS", type=int, help="with --coverage: fewer are missing (default: 5)"
    )
    parser.add_argument("--detection-p", metavar="FILE", type=Path, help="detection p-values; above 0.01 is missing")
    parser.add_argument("--exclude", metavar="FILE", type=Path, help="CpG sites to leave out, one a line")
    means = parser.add_mutually_exclusive_group()
    means.add_argument(
        "--genes", metavar="FILE", type=Path, help="average by gene: table with cpg and gene (and group)"
    )
    means.add_argument("--intervals", metavar="FILE", type=Path, help="average by interval: BED file")
    parser.add_argument(
        "--of",
        choices=("beta_value", "m_value"),
        help="with --genes or --intervals: what is averaged (default: beta_value)",
    )
    parser.add_argument("--minimum-cpgs", metavar="N", type=int, help="with --genes or --intervals: fewer are left out")
    parser.add_argument("--groups", metavar="NAME", nargs="+", help="with --genes: only CpGs in these parts, as TSS200")
    parser.add_argument(
        "--positions", metavar="FILE", type=Path, help="with --intervals: table of cpg, chromosome, position"
    )


def _add_annotation_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--gene-names",
        choices=("symbol", "identifier"),
        help="of a GTF or GFF3 file: how genes are called (default: symbol)",
    )
    parser.add_argument(
        "--several-places",
        choices=("keep_x", "refuse", "first", "longest", "leave_out"),
        help="genes in several places: kept on X where on X and Y, others left out (keep_x, the default), or …",
    )
