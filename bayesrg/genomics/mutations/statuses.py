"""Tables that say in words whether a gene is mutated, as clinical tables do, as indicators."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.genes import check_genes
from bayesrg.history import step, with_step
from bayesrg.tables import MISSING

MUTATED = ("mutant", "mutated", "mut", "yes", "true", "positive", "1", "1.0")
"""Words for a mutated gene, in any case."""

WILD_TYPE = ("wildtype", "wild type", "wild-type", "wt", "no", "false", "negative", "0", "0.0")
"""Words for a gene that was assayed and is not mutated, in any case."""


def encode_statuses(
    table: pd.DataFrame,
    *,
    genes: Sequence[str] | None = None,
    patient: str = "patient",
    mutated: Collection[str] = MUTATED,
    wild_type: Collection[str] = WILD_TYPE,
    missing: Collection[str] = (),
) -> xr.Dataset:
    """Return the indicators that a table tells in words, `mutated` over (patient, gene).

    Parameters
    ----------
    table
        A row per patient, a column per gene with words such as ``Mutant`` and ``wt``, or with 1 and 0.
    genes
        The columns to read; None for all but the patient's.
    patient
        Column of the patients; where there is none, the index holds them.
    mutated, wild_type
        Words that mean 1 and 0, without regard to case and blanks around them.
    missing
        Words that mean that nobody knows, beside an empty cell, ``NA``, ``NaN`` and ``N/A``: say ``("Not
        collected",)``.

    Returns
    -------
    xarray.Dataset
        ``mutated`` (patient, gene): 1, 0, or NaN where the gene was not assayed or the result is not known.

    Raises
    ------
    TableError
        A column is not there, a patient is empty or there twice, or a cell holds another word; the message names its
        row and column.
    SettingsError
        A word means two things.

    Examples
    --------
    >>> table = pd.DataFrame({"patient": ["P1", "P2"], "TP53": ["Mutant", "wt"], "ATRX": ["NA", "Mutant"]})
    >>> encode_statuses(table)["mutated"].values.tolist()
    [[1.0, nan], [0.0, 1.0]]
    """
    meaning = _dictionary(mutated, wild_type, [*missing, *MISSING, ""])
    table = table.set_index(patient) if patient in table.columns else table
    columns = list(table.columns if genes is None else genes)
    absent = [column for column in columns if column not in table.columns]
    if absent:
        raise TableError(
            f"there is no column {absent[0]!r}; the table has {', '.join(map(str, table.columns[:10]))}"
            f"{', …' if len(table.columns) > 10 else ''}"
        )
    labels = ["" if label is None or label != label else str(label).strip() for label in table.index]
    if "" in labels:
        raise TableError(f"row {labels.index('') + 1} has an empty {patient!r}; say whose it is, or remove the row")
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise TableError(f"patient {twice!r} has {labels.count(twice)} rows; expected one, so keep or join them")
    values = np.empty((len(labels), len(columns)))
    for place, column in enumerate(columns):
        cells = table[column].astype(object).where(table[column].notna(), "")
        words = cells.map(lambda cell: str(cell).strip().casefold())
        unknown = np.flatnonzero(~words.isin(list(meaning)).to_numpy())
        if len(unknown):
            row = int(unknown[0])
            raise TableError(
                f"row {row + 1} (patient {labels[row]!r}), column {column!r} holds {table[column].iloc[row]!r}; "
                "expected a "
                f"word for mutated ({', '.join(mutated)}), for wild type ({', '.join(wild_type)}), or for missing; add "
                "the word to the options mutated, wild_type or missing"
            )
        values[:, place] = [meaning[word] for word in words]
    names = check_genes(columns, "the columns")
    attrs = {"long_name": "mutated (1), not mutated (0), not assayed or not known (missing)", "units": "1"}
    data = xr.Dataset(
        {"mutated": (("patient", "gene"), values, attrs)}, {"patient": np.array(labels, dtype=str), "gene": names}
    )
    return with_step(data, step("encode_statuses", genes=len(columns), patients=len(labels)))


def _dictionary(mutated: Collection[str], wild_type: Collection[str], missing: Collection[str]) -> dict[str, float]:
    """Return what each word means, refusing words with two meanings."""
    meaning: dict[str, float] = {}
    for words, value in ((mutated, 1.0), (wild_type, 0.0), (missing, np.nan)):
        for word in words:
            key = word.strip().casefold()
            if key in meaning and not (meaning[key] == value or (value != value and meaning[key] != meaning[key])):
                raise SettingsError(f"the word {word!r} is to mean two things; leave it in one of the options")
            meaning[key] = value
    return meaning
