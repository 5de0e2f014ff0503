"""Who is in which source, and who is missing from what and why."""

import json

import pandas as pd
import xarray as xr

from bayesrg.cohort.axes import SEPARATOR
from bayesrg.cohort.flow import check_cohort
from bayesrg.cohort.missingness import count_by_patient
from bayesrg.samples import LEVELS

ABSENT = "not in the table"
EMPTY = "in the table, every value missing"
EMPTIED = {"tumor": "in the table, no tumour left", "region": "in the table, no region left"}
LEFT = "left out"


def membership(cohort: xr.Dataset, *, left_out: bool = False) -> pd.DataFrame:
    """Return who is in which source, and for everybody what is missing and why.

    Parameters
    ----------
    cohort
        What `join` or `restrict` returned.
    left_out
        Whether those who left on the way are listed too, below the others.

    Returns
    -------
    pandas.DataFrame
        A row a patient; a bool column a source (the patient is in that table); ``why`` (text): for each source that
        brings nothing ``"not in the table"``, ``"in the table, every value missing"`` or, where a restriction took the
        last of them, ``"in the table, no region left"``; for those who left ``"left out: "`` and the reason, ``""``
        where there is nothing to say. `reasons` gives them one by one.

    Examples
    --------
    >>> from bayesrg.cohort.joining import join
    >>> from bayesrg.cohort.source import Source
    >>> imaging = Source(pd.DataFrame({"patient": ["P1", "P2"], "volume": [8.1, None]}), "imaging")
    >>> clinical = Source(pd.DataFrame({"patient": ["P2"], "age": [50]}), "clinical")
    >>> membership(join({"imaging": imaging, "clinical": clinical}))["why"].to_dict()
    {'P1': 'clinical: not in the table', 'P2': 'imaging: in the table, every value missing'}
    """
    present = _present(cohort)
    if left_out:
        gone = json.loads(cohort.attrs["left_out"])
        index = pd.Index([row["patient"] for row in gone], name="patient", dtype=object)
        rows = pd.DataFrame([row["present"] for row in gone], index=index, columns=present.columns, dtype=bool)
        present = pd.concat([present, rows])
    why = ["; ".join(own) for own in reasons(cohort, left_out=left_out).values()]
    return present.assign(why=pd.Series(why, index=present.index, dtype=object))


def reasons(cohort: xr.Dataset, *, left_out: bool = False) -> dict[str, tuple[str, ...]]:
    """Return for everybody what is missing and why, one text a reason, in the order and the words of `membership`.

    Examples
    --------
    >>> from bayesrg.cohort.joining import join
    >>> from bayesrg.cohort.source import Source
    >>> clinical = Source(pd.DataFrame({"patient": ["P2"], "age": [50]}), "clinical")
    >>> outcome = Source(pd.DataFrame({"patient": ["P2"], "death": [None]}), "outcome")
    >>> reasons(join({"clinical": clinical, "outcome": outcome}, patients=["P1", "P2"]))["P1"]
    ('clinical: not in the table', 'outcome: not in the table')
    """
    present = _present(cohort)
    missing, values = count_by_patient(cohort)
    why: dict[str, list[str]] = {str(patient): [] for patient in present.index}
    for source in present.columns:
        texts = pd.Series("", index=present.index, dtype=object).where(present[source], ABSENT)
        nothing = present[source] & (missing[source] == values[source]) & (values[source] > 0)
        texts = texts.where(~nothing, EMPTY)
        for level in LEVELS[1:]:
            if any(_is_of(variable, source) and level in variable.dims for variable in cohort.data_vars.values()):
                without = present[source] & ~present.index.isin(cohort[f"{level}_patient"].values)
                texts = texts.where(~without, EMPTIED[level])
        for patient, text in zip(present.index, texts, strict=True):
            if text:
                why[str(patient)].append(f"{source}: {text}")
    if left_out:
        for row in json.loads(cohort.attrs["left_out"]):
            why[row["patient"]] = [f"{LEFT}: {row['why']}"]
    return {patient: tuple(own) for patient, own in why.items()}


def _present(cohort: xr.Dataset) -> pd.DataFrame:
    """Return who is in which source: a bool column a source."""
    check_cohort(cohort)
    sources = [str(source) for source in cohort["source"].values]
    patients = pd.Index(cohort["patient"].values.astype(object), name="patient")
    return pd.DataFrame(cohort["present"].transpose("patient", "source").values, index=patients, columns=sources)


def _is_of(variable: xr.DataArray, source: str) -> bool:
    return source in variable.attrs.get("source", "").split(SEPARATOR)
