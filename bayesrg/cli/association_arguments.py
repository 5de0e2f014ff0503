"""What the command line understands of associations: `fit association` and `predict`, their options, and examples."""

import argparse
from collections.abc import Callable
from pathlib import Path

from bayesrg.cli.sampling_arguments import above_zero, add_sampling, at_least_zero

Add = Callable[[argparse._SubParsersAction, str, str, str], argparse.ArgumentParser]

FAMILIES = ("gaussian", "student_t", "bernoulli", "ordinal", "categorical", "negative_binomial", "rank")

_ASSOCIATION = """examples:
  bayesrg fit association patients.csv --outcome IDH1 --predictor size_mm --family bernoulli \\
      --formula 'age + C(grade)' --patient patient --unit size_mm=mm --out fit.zarr.zip --seed 1
  bayesrg fit association patients.csv --outcome grade --predictor enhancement --family ordinal \\
      --categories G2 G3 G4 --reference enhancement=none --group site --out fit.zarr.zip --seed 1
  bayesrg fit association cohort.zarr.zip --outcome variants --predictor volume --family negative_binomial \\
      --direction genome-on-image --out fit.zarr.zip --seed 1

Families: gaussian and student_t (with outliers) for measurements; bernoulli for yes or no; ordinal for grades;
categorical for types without an order; negative_binomial for counts; rank for anything that can only be ordered.

A formula has columns, operators and known transforms and is never evaluated as code: 'age + C(grade) + log(volume)'.
An outcome of text needs --categories, the lowest, or the one without the event, first; only a categorical one does not.
A predictor of text is compared level by level with its --reference, by default the first in the alphabet; a predictor
of numbers that --reference names is taken by levels too.

Rows without any of the columns are left out and counted. The same question is then asked of other models (ranks, heavy
tails), unless --no-alternatives is given. A fit that does not converge is saved all the same, says so, and the exit
code is 4.
"""

_PREDICT = """example:
  bayesrg predict fit.zarr.zip new_patients.csv --patient patient --out predictions.csv --seed 1

The fit is one of `bayesrg fit association`; the table has its predictors, covariates and groups, all of them complete.
Of a binary outcome, or one with categories, the file has a probability with its 95 % interval, of any other outcome the
median with the interval that would hold 95 % of such patients, in the outcome's units.
"""


def add_association(models: argparse._SubParsersAction, add: Add) -> None:
    """Add the model `association` to the command `fit`."""
    fit = add(models, "association", "ask whether an outcome depends on a feature, and how strongly", _ASSOCIATION)
    fit.add_argument(
        "table",
        metavar="TABLE",
        type=Path,
        help="table with a row a patient (CSV, TSV, gzipped too, Parquet, Excel), or a cohort of `bayesrg join`",
    )
    fit.add_argument("--outcome", metavar="COL", required=True, help="column of the outcome")
    fit.add_argument("--predictor", metavar="COL", nargs="+", required=True, help="columns of one predictor or a few")
    fit.add_argument("--family", choices=FAMILIES, required=True, help="how the outcome is distributed; see below")
    fit.add_argument("--formula", metavar="TEXT", help="covariates, such as 'age + C(grade)', quoted")
    fit.add_argument("--group", metavar="COL", nargs="+", help="columns whose levels have effects of their own: site")
    fit.add_argument("--weights", metavar="COL", help="column by which each row's log likelihood is multiplied")
    fit.add_argument("--exposure", metavar="COL", help="of a count: what it is proportional to, such as megabases")
    fit.add_argument("--patient", metavar="COL", help="column of patients' labels (default: rows are numbered)")
    fit.add_argument("--categories", metavar="LABEL", nargs="+", help="the outcome's categories, in order")
    fit.add_argument(
        "--reference",
        metavar="COL=LEVEL",
        nargs="+",
        default=[],
        help="level of a predictor, or category of a categorical outcome, that the others are compared with",
    )
    fit.add_argument(
        "--scale",
        choices=("z_score", "log", "rank_normal"),
        default="z_score",
        help="scale of a continuous outcome (default: z_score, which keeps its units)",
    )
    fit.add_argument(
        "--direction",
        choices=("genome-on-image", "image-on-genome"),
        help="which of outcome and predictor is of the genome, and which of images; a cohort knows it",
    )
    fit.add_argument("--unit", metavar="COL=UNIT", nargs="+", default=[], help="units of columns, such as size_mm=mm")
    fit.add_argument(
        "--rope",
        metavar="X",
        type=above_zero,
        help="half-width of what is practically nil, on the model's scale (default: 0.1 sd of a continuous outcome, "
        "0.18 log odds, 0.1 log rate or probit)",
    )
    fit.add_argument(
        "--category-slopes",
        action="store_true",
        help="of an ordinal outcome: let each cut between categories have a slope of its own",
    )
    fit.add_argument("--no-alternatives", action="store_true", help="do not ask other models the same question")
    add_sampling(fit, draws="1500")


def add_predict(commands: argparse._SubParsersAction, add: Add) -> None:
    """Add the command `predict`."""
    predict = add(commands, "predict", "predict new patients from a fit of an association", _PREDICT)
    predict.add_argument("fit", metavar="FIT", type=Path, help="saved fit of an association")
    predict.add_argument("table", metavar="TABLE", type=Path, help="table with a row a patient, or a cohort")
    predict.add_argument("--out", metavar="FILE", type=Path, required=True, help="CSV file to write")
    predict.add_argument(
        "--seed", metavar="N", type=at_least_zero, required=True, help="the same seed, the same answer"
    )
    predict.add_argument("--patient", metavar="COL", help="column of patients' labels (default: rows are numbered)")
