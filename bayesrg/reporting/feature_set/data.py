"""Data and design of many features: who was measured how, which features were left out, and what is missing."""

import pandas as pd

from bayesrg.reporting.blocks import Block, Column, Section, Table, breakable, count, prose
from bayesrg.reporting.feature_set.study import FeatureSet, count_features
from bayesrg.reporting.judgement import cautions
from bayesrg.reporting.stability.design import design

MOST_ROWS = 12


def data(study: FeatureSet) -> Section:
    """The section on data and design."""
    sizes = pd.Series(study.families).value_counts()
    blocks: list[Block] = [
        prose("<b>{counted}</b>: {words}.", counted=study.counted, words=study.measured_by),
        *cautions(study.cautions),
        *design(study),
        prose(
            "Families: {families}.",
            families=", ".join(f"{name} ({number})" for name, number in sizes.items()),
        ),
        *_missing(study),
        *_left_out(study),
    ]
    return Section("data", "Data and design", blocks)


def _missing(study: FeatureSet) -> list[Block]:
    missing = pd.Series(study.missing[study.missing > 0]).sort_values(ascending=False, kind="stable")
    if missing.empty:
        return [prose("No feature lacks a value in any of the {rows} rows.", rows=study.n_rows)]
    frame = missing.to_frame().rename_axis("feature")
    frame["percent"] = 100.0 * frame["missing"] / study.n_rows
    shown = frame.head(MOST_ROWS)
    rest = len(frame) - len(shown)
    return [
        Table(
            "missing",
            f"Missing values: {count_features(len(frame))} of {study.n_features:,} lack a value in some of the "
            f"{study.n_rows} rows. Each is fitted to the rows that have it.",
            [
                Column("Feature", [breakable(name) for name in shown.index], numeric=False),
                Column("Missing", [str(number) for number in shown["missing"]]),
                Column("% of rows", [f"{share:.1f}" for share in shown["percent"]]),
            ],
            frame,
            notes=f"{count(rest, 'further feature')} in the CSV file." if rest else "",
        )
    ]


def _left_out(study: FeatureSet) -> list[Block]:
    if not study.left_out:
        return [prose("No feature was left out.")]
    frame = pd.Series(study.left_out, name="reason").rename_axis("feature").to_frame()
    shown = frame.head(MOST_ROWS)
    rest = len(frame) - len(shown)
    return [
        Table(
            "left_out",
            f"{count_features(len(frame))} could not be modelled and {'was' if len(frame) == 1 else 'were'} left out; "
            f"nothing on this page is about {'it' if len(frame) == 1 else 'them'}.",
            [
                Column("Feature", [breakable(name) for name in shown.index], numeric=False),
                Column("Reason", list(shown["reason"]), numeric=False),
            ],
            frame,
            notes=f"{count(rest, 'further feature')} in the CSV file." if rest else "",
        )
    ]
