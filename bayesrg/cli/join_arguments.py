"""What the command line understands of `join`: its options, and examples."""

import argparse
from collections.abc import Callable
from pathlib import Path

Add = Callable[[argparse._SubParsersAction, str, str, str], argparse.ArgumentParser]

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
    for flag, value, what in (
        ("role", "COL=ROLE", "role of a column that differs from its table's"),
        ("rename", "OLD=NEW", "another name for a column; the other options take the new one"),
        ("unit", "COL=UNIT", "unit of a column, such as age=year"),
    ):
        join.add_argument(f"--{flag}", metavar=f"[SOURCE=]{value}", action="append", default=[], help=what)
    for flag, what in (
        ("exclude", "columns to leave out"),
        ("text", "columns that stay text though they hold numbers"),
        ("dates", "columns of text that hold dates"),
    ):
        join.add_argument(f"--{flag}", metavar="[SOURCE=]COL", nargs="+", default=[], help=what)
    join.add_argument(
        "--missing", metavar="WORD", nargs="+", default=[], help="words that mean missing, beside NA and empty cells"
    )
    join.add_argument("--mend-names", action="store_true", help="number columns without a name or with another's name")
    join.add_argument("--identifiers", metavar="FILE", type=Path, help="table with found and meant, checked by you")
    join.add_argument(
        "--sheet", metavar="SOURCE=SHEET", action="append", default=[], help="sheet of an Excel file to read"
    )
    join.add_argument(
        "--outside",
        choices=("refuse", "leave out"),
        default="refuse",
        help="with --patients: patients that are not among them (default: refuse)",
    )
    join.add_argument(
        "--unmatched-tumors",
        choices=("refuse", "keep"),
        default="refuse",
        help="a tumour that only one of two tables with tumours has (default: refuse)",
    )
    join.add_argument("--patients", metavar="FILE", type=Path, help="those enrolled: one a line, or a column patient")
    join.add_argument("--suggest", metavar="FILE", type=Path, help="write a table of identifiers to check, and stop")
    join.add_argument("--out", metavar="FILE", type=Path, help="file of the cohort, .zarr.zip")
    join.add_argument(
        "--report", metavar="FILE", type=Path, help="also write its page (HTML): flow, who is where, missing"
    )
    join.add_argument("--table", metavar="FILE", type=Path, help="also write a flat table (.csv or .parquet)")
    join.add_argument("--show-patients", action="store_true", help="let identifiers of patients stand on the page")
