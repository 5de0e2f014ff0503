"""What the design can tell of each gene, whatever the features were."""

import numpy as np
import pandas as pd
from markupsafe import Markup

from bayesrg.reporting.blocks import Block, Column, Table, breakable, count, fill, prose
from bayesrg.reporting.multi_region.study import MOST_LINKS, Study
from bayesrg.reporting.rounding import significant

LITTLE_SPREAD = 0.3  # coefficient of variation of g^2 below which variation without a pattern cannot be told from noise


def design(study: Study) -> list[Block]:
    """What was to be learned, in words and by gene."""
    return [prose("{said}", said=_words(study)), _table(study)]


def design_of_genes(study: Study) -> pd.DataFrame:
    """What of each gene the design can tell: its spread within tumours, and how much its square varies."""
    genome = study.layout.genome
    within = genome - study.data["context"].values
    square = genome**2
    pairs = (study.layout.in_tumor > 0) & (study.layout.diagonal == 0)
    apart = np.abs(genome[study.layout.row[pairs]] - genome[study.layout.column[pairs]])
    return pd.DataFrame(
        {
            "sd_within": within.std(axis=0),
            "differing_pairs": (apart > 1e-9).sum(axis=0),
            "cv_of_square": square.std(axis=0) / square.mean(axis=0),
        },
        index=pd.Index(study.genes, name="gene"),
    )


def _words(study: Study) -> Markup:
    pairs = int(((study.layout.in_tumor > 0) & (study.layout.diagonal == 0)).sum())
    several = int((study.regions_of > 1).sum())
    return fill(
        "<b>What the design can tell.</b> Variation within tumours is learned from {pairs} in {tumors}; variation "
        "between tumours from all {n}. Variation of a link without a pattern in space is seen only in that squared "
        "residuals grow with g²: where g² hardly varies (a coefficient of variation below {limit:g}) it is not told "
        "from noise, nor is it where the noise itself depends on the gene.",
        pairs=count(pairs, "pair of regions", "pairs of regions"),
        tumors=count(several, "tumour"),
        n=study.n_tumors,
        limit=LITTLE_SPREAD,
    )


def _table(study: Study) -> Table:
    frame = design_of_genes(study)
    little = frame["cv_of_square"] < LITTLE_SPREAD
    none = frame["differing_pairs"] == 0
    reading = np.select(
        [none, little],
        ["no slope within tumours", "variation without a pattern is not told from noise"],
        "varies enough to be seen",
    )
    frame["reading"] = reading
    return Table(
        "design",
        "What each gene’s spread lets the data tell.",
        [
            Column("Gene", [breakable(str(name)) for name in frame.index], numeric=False),
            Column(
                "sd within tumours",
                [significant(value, 2) for value in frame["sd_within"]],
                order=list(frame["sd_within"]),
            ),
            Column(
                "Pairs within tumours that differ",
                [str(value) for value in frame["differing_pairs"]],
                order=list(frame["differing_pairs"]),
            ),
            Column(
                "Variation of g²",
                [f"{value:.2f}" for value in frame["cv_of_square"]],
                order=list(frame["cv_of_square"]),
            ),
            Column("Reading", list(reading), numeric=False),
        ],
        frame,
        notes="On the model’s scale. Variation of g²: its sd divided by its mean.",
        searchable=len(frame) > MOST_LINKS,
    )
