"""What the command line understands of `fit multi-region`: its options, and examples."""

import argparse
from collections.abc import Callable
from pathlib import Path

from bayesrg.cli.sampling_arguments import above_zero, add_sampling

Add = Callable[[argparse._SubParsersAction, str, str, str], argparse.ArgumentParser]

SPATIAL = ("matern12", "matern32", "matern52", "graph", "exchangeable")
RESIDUALS = ("independent", "correlated")
SCALES = ("z_score", "log", "rank_normal")

_MULTI_REGION = """examples:
  bayesrg fit multi-region regions.csv --features 'glcm_*' statistics_mean --genes EGFR VEGFA --tumor tumor \\
      --region region --coordinates x y z --formula 'C(compartment) + purity' --out fit.zarr.zip --seed 1
  bayesrg fit multi-region regions.csv --features statistics_mean --genes 'expression_*' --tumor tumor \\
      --region region --patient patient --spatial graph --neighbours neighbours.csv --out fit.zarr.zip --seed 1
  bayesrg fit multi-region regions.csv --features statistics_mean --genes TP53 --tumor tumor --region region \\
      --spatial exchangeable --out fit.zarr.zip --seed 1

The table has a row a region. Patterns (quoted) choose columns of numbers; labels, coordinates and, for features, genes
are left out of what a pattern such as '*' chooses.

Within a tumour, features and their links to genes vary by distance (matern12, rough, to matern52, smooth: give the
columns of places in mm), along a graph (give pairs of neighbours: a table with the columns tumor, region and
neighbour), or without any order (exchangeable).

Regions without a gene, covariate, place or label are left out and counted; a single missing feature is not, unless
residuals are correlated. A fit that does not converge is saved all the same, says so, and the exit code is 4.
"""


def add_multi_region(models: argparse._SubParsersAction, add: Add) -> None:
    """Add the model `multi-region` to the command `fit`."""
    purpose = "ask how features of tumours' regions follow their genes, and where that differs"
    fit = add(models, "multi-region", purpose, _MULTI_REGION)
    fit.add_argument(
        "table",
        metavar="TABLE",
        type=Path,
        help="table with a row a region (CSV, TSV, gzipped too, Parquet, Excel), or a cohort of `bayesrg join`",
    )
    fit.add_argument("--features", metavar="GLOB", nargs="+", required=True, help="columns of features, or patterns")
    fit.add_argument("--genes", metavar="GLOB", nargs="+", required=True, help="columns of genes, or patterns")
    fit.add_argument("--tumor", metavar="COL", required=True, help="column of the tumours")
    fit.add_argument("--region", metavar="COL", required=True, help="column of the regions")
    fit.add_argument("--patient", metavar="COL", help="column of the patients, where some have several tumours")
    fit.add_argument(
        "--coordinates", metavar="COL", nargs="+", help="one to three columns of places in mm, such as x y z"
    )
    fit.add_argument("--neighbours", metavar="FILE", type=Path, help="table of pairs: tumor, region, neighbour")
    fit.add_argument(
        "--spatial",
        choices=SPATIAL,
        default="matern32",
        help="how features and links vary within a tumour; see below (default: matern32)",
    )
    fit.add_argument(
        "--residual",
        choices=RESIDUALS,
        default="independent",
        help="features independent given their genes and places (default), or with residuals that are correlated",
    )
    fit.add_argument(
        "--no-contextual",
        action="store_true",
        help="let a gene's differences between tumours count for its coefficient as those within them do",
    )
    fit.add_argument(
        "--formula", metavar="TEXT", help="covariates of regions, such as 'C(compartment) + purity', quoted"
    )
    fit.add_argument("--batch", metavar="COL", help="column whose levels have effects of their own: scanner")
    fit.add_argument(
        "--scale",
        choices=SCALES,
        default="z_score",
        help="scale of the features (default: z_score, which keeps their units)",
    )
    fit.add_argument("--unit", metavar="COL=UNIT", nargs="+", default=[], help="units of columns, such as volume=mm^3")
    fit.add_argument(
        "--rope",
        metavar="X",
        type=above_zero,
        help="size of a coefficient that is practically nil, in sds of the feature per sd of the gene (default: 0.1)",
    )
    fit.add_argument(
        "--delta",
        metavar="SHARE",
        type=above_zero,
        help="share of a feature's variance by a link's heterogeneity that is of interest (default: 0.05)",
    )
    add_sampling(fit, draws="1500")
