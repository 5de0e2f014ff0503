"""Tables of data sets as their files have them, refused where they are not of the size that is known."""

from collections.abc import Iterable

import pandas as pd

from bayesrg.datasets.fetching import path
from bayesrg.errors import DataNotFoundError


def read_table(
    name: str, *, text: Iterable[str] = (), rows: int | None = None, columns: int | None = None
) -> pd.DataFrame:
    """Return a table of a data set.

    Parameters
    ----------
    name : of the file in the data folder
    text : columns that are labels, whatever they look like
    rows, columns : how many the table has; None for any number

    Raises
    ------
    DataNotFoundError
        If the table is not on this machine, or is of another size.
    """
    file = path(name)
    table = pd.read_csv(file, dtype=dict.fromkeys(text, str))
    found = {"rows": len(table), "columns": table.shape[1]}
    known = {what: size for what, size in (("rows", rows), ("columns", columns)) if size is not None}
    if any(found[what] != size for what, size in known.items()):
        has = " and ".join(f"{found[what]} {what}" for what in known)
        raise DataNotFoundError(
            f"{file} has {has}; {name!r} has {' and '.join(map(str, known.values()))}. Set BAYESRG_DATA to a folder "
            "that has it."
        )
    return table
