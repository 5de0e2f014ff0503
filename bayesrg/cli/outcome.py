"""What commands share: exit codes, a word to the user, and a look at what was given and where the result is to go."""

import sys
import tempfile
import warnings
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bayesrg.errors import BayesrgError, SettingsError, TableError

DONE, PARTLY, NOT_CONVERGED, NOT_COMPLIANT = 0, 3, 4, 5
"""Exit codes, as `bayesrg.cli.arguments` explains them."""

MOST_LISTED = 20
"""Lines of a list that are printed; the rest is in a file."""


def say(text: str) -> None:
    """Tell the user something on standard error."""
    print(text, file=sys.stderr, flush=True)


def check_out(out: Path, *sources: Path | None) -> None:
    """Refuse, before any work is done, a place where nothing can be written, or where what is read would be lost."""
    if out.is_dir():
        raise BayesrgError(f"{out} is a folder; name a file in it")
    for source in sources:
        if source is not None and source.exists() and out.exists() and source.samefile(out):
            raise BayesrgError(f"{out} would be written over while it is read; give another name")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as problem:
        raise BayesrgError(f"{out} cannot be written ({problem.strerror}); choose another place") from problem


@contextmanager
def warnings_told() -> Iterator[None]:
    """Tell the user each warning once, as a line on standard error."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = lambda message, *_, **__: say(f"bayesrg: note: {' '.join(str(message).split())}")
        yield


def given(options: Namespace, *names: str) -> dict[str, Any]:
    """Return the options that were given, so that defaults stand in one place: where the work is done."""
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def refuse_idle(options: Namespace, *pairs: tuple[str, Sequence[str]]) -> None:
    """Refuse an option that does nothing without another one, of which none was given."""
    for name, needed in pairs:
        if getattr(options, name) is not None and not any(getattr(options, other) for other in needed):
            flags = " or ".join(f"--{other.replace('_', '-')}" for other in needed)
            raise SettingsError(f"--{name.replace('_', '-')} does nothing without {flags}; add that, or leave it out")


def read_list(path: Path, column: str) -> list[str]:
    """Return names from a file: a table's column of that name, or its first if there are several; or a name a line."""
    from bayesrg.tables import SUFFIXES, read_table

    if path.name.lower().endswith(SUFFIXES):
        table = read_table(path, kind="list")
        if column not in table.columns and len(table.columns) == 1:
            raise TableError(
                f"{path}: its one column is called {table.columns[0]!r}; if that is the first name, write {column} "
                "above "
                f"it, else rename the column to {column}"
            )
        if column not in table.columns:
            say(f"bayesrg: note: {path} has no column {column!r}; its first, {table.columns[0]!r}, was taken")
            column = str(table.columns[0])
        return [str(cell).strip() for cell in table[column].dropna()]
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as problem:
        raise TableError(f"{path}: expected text with a name a line ({problem})") from problem
    names = [line.strip() for line in lines if line.strip()]
    if names and names[0].casefold() in {column, "hugo_symbol", "tumor_sample_barcode"}:
        raise TableError(
            f"{path}: the first line is {names[0]!r}, the heading of a table; remove it, or name the file .csv"
        )
    return names
