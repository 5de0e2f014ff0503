"""Who is in which source, and who is missing from what and why."""

import json

import pandas as pd
import xarray as xr

from bayesrg.cohort.flow import check_cohort
from bayesrg.cohort.missingness import count_by_patient

ABSENT = "not in the table"
EMPTY = "in the table, every value missing"
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
        brings nothing ``"not in the table"`` or ``"in the table, every value missing"``, for those who left
        ``"left out: "`` and the reason, ``""`` where there is nothing to say.

    Examples
    --------
    >>> from bayesrg.cohort.joining import join
    >>> from bayesrg.cohort.source import Source
    >>> imaging = Source(pd.DataFrame({"patient": ["P1", "P2"], "volume": [8.1, None]}), "imaging")
    >>> clinical = Source(pd.DataFrame({"patient": ["P2"], "age": [50]}), "clinical")
    >>> membership(join({"imaging": imaging, "clinical": clinical}))["why"].to_dict()
    {'P1': 'clinical: not in the table', 'P2': 'imaging: in the table, every value missing'}
    """
    check_cohort(cohort)
    sources = [str(source) for source in cohort["source"].values]
    patients = pd.Index(cohort["patient"].values.astype(object), name="patient")
    present = pd.DataFrame(cohort["present"].transpose("patient", "source").values, index=patients, columns=sources)
    missing, values = count_by_patient(cohort)
    why = pd.Series("", index=patients, dtype=object)
    for source in sources:
        why = why.where(present[source], why + f"; {source}: {ABSENT}")
        nothing = present[source] & (missing[source] == values[source]) & (values[source] > 0)
        why = why.where(~nothing, why + f"; {source}: {EMPTY}")
    table = present.assign(why=why.str.removeprefix("; "))
    if not left_out:
        return table
    gone = json.loads(cohort.attrs["left_out"])
    index = pd.Index([row["patient"] for row in gone], name="patient", dtype=object)
    rows = pd.DataFrame([row["present"] for row in gone], index=index, columns=sources, dtype=bool)
    return pd.concat([table, rows.assign(why=[f"{LEFT}: {row['why']}" for row in gone])])
