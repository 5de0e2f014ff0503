"""Tables opened: which columns there are, and their values one column at a time, so that no matrix is held twice."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import pandas as pd

from bayesrg.errors import TableError, list_some


@dataclass(frozen=True)
class Columns:
    """A table that was opened.

    Attributes
    ----------
    where
        How messages call it: the source's name, and its file.
    dtypes
        Type of each column, in the table's order.
    n_rows
        How many rows it has.
    read
        Yields the named columns in their order, each as a Series.
    locate
        Says which row the nth is: by its line in the file, or by its label.
    """

    where: str
    dtypes: dict[str, Any]
    n_rows: int
    read: Callable[[Sequence[str]], Iterator[tuple[str, pd.Series]]]
    locate: Callable[[int], str]

    def require(self, names: Iterable[str], why: str) -> None:
        """Refuse names that are no columns, and say which columns there are."""
        for name in names:
            if name not in self.dtypes:
                near = get_close_matches(str(name), self.dtypes, n=3, cutoff=0.5)
                raise TableError(
                    f"{self.where} has no column {name!r} ({why}); "
                    + (f"did you mean {' or '.join(map(repr, near))}? " if near else "")
                    + f"It has {list_some(list(self.dtypes))}"
                )

    def renamed(self, names: Mapping[str, str]) -> "Columns":
        """Return the table with other names for some of its columns.

        Raises
        ------
        TableError
            A column is not there, or two would have one name.
        """
        if not names:
            return self
        self.require(names, "named in rename=")
        new = [names.get(name, name) for name in self.dtypes]
        if len(set(new)) < len(new):
            twice = sorted({name for name in new if new.count(name) > 1})
            raise TableError(f"{self.where}: rename= gives two columns the name {list_some(twice)}; choose another")
        old = dict(zip(new, self.dtypes, strict=True))

        def read(wanted: Sequence[str]) -> Iterator[tuple[str, pd.Series]]:
            for name, (_, series) in zip(wanted, self.read([old[name] for name in wanted]), strict=True):
                yield name, series

        return replace(self, dtypes=dict(zip(new, self.dtypes.values(), strict=True)), read=read)
