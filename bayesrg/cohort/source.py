"""`Source`: one table of a study, and what its columns are."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError
from bayesrg.samples import Level

Role = Literal["imaging", "genome", "clinical", "batch", "outcome"]
Layout = Literal["wide", "long"]
Barcodes = Literal["automatic", "tcga", "never"]
Names = Literal["refuse", "mend"]

ROLES: Mapping[str, str] = MappingProxyType(
    {
        "imaging": "what was measured in images",
        "genome": "what was measured in DNA or RNA",
        "clinical": "who the patient is, and how the disease was found and treated",
        "batch": "scanner, site, plate: how it was measured",
        "outcome": "what became of the patient",
    }
)
"""What a column may be in a study."""

# Names that the joined Dataset and its reports give to something else.
RESERVED = frozenset({"total", "share", "why", "patients"})

_EXAMPLES = {"roles": "{'death': 'outcome'}", "rename": "{'age': 'age_years'}", "units": "{'volume': 'mL'}"}


@dataclass(frozen=True, eq=False)
class Source:
    """One table of a study, and what its columns are.

    Attributes
    ----------
    table
        A DataFrame, a file (CSV, TSV, Parquet, Excel), or an encoded Dataset with one of the dims ``patient``,
        ``tumor`` and ``region``. A label may stand in a column or in a named index.
    role
        What its columns are in the study: one of `ROLES`.
    patient, tumor, region
        Columns that say whose a row is; a row is of the finest that is named. Where patients are TCGA sample barcodes,
        ``region`` (or ``tumor``) may name the same column as ``patient``: the sample is then the region.
    roles
        Columns with another role than the table's.
    rename
        Columns with another name in the cohort; every other option calls them by that.
    columns, exclude
        Columns to take (all) and to leave out; of a long table the variables, of a Dataset its variables.
    layout
        ``"wide"`` with a column a variable, or ``"long"`` with a row for each unit and variable.
    name, value
        Of a long table, the columns with the variable's name and with its value.
    missing
        Words (or numbers) which say in this table that a value is missing, beside the empty cell, ``NA``, ``na``,
        ``N/A``, ``n/a``, ``#N/A``, ``<NA>``, ``NaN``, ``nan``, ``NULL`` and ``null``, which always do. ``-999``, as a
        number or as text, is missing wherever the number is. ``None`` may be an answer (no treatment): name it here if
        it is none.
    text
        Columns that stay text although they hold numbers.
    dates
        Columns of text that hold dates, written as ISO 8601 has them (2024-05-31).
    units
        Units of columns, where they are known.
    barcodes
        ``"automatic"``: where every label is a TCGA barcode its patient is taken, of Datasets too; ``"tcga"``: every
        label must be one;
        ``"never"``: labels are taken as they are.
    names, sheet
        What becomes of columns with a slash in the name, or another name that no file can have, and in files of
        columns without a name or of one name: ``"refuse"``,
        or ``"mend"`` with a warning that says how. And which sheet of a workbook is meant.

    Raises
    ------
    SettingsError
        A role, layout or other option is unknown, or does not go with the kind of table.

    Examples
    --------
    >>> table = pd.DataFrame({"patient": ["P1", "P2"], "age": [50, 61], "death": [0, 1]})
    >>> Source(table, "clinical", roles={"death": "outcome"}).level
    'patient'
    """

    table: pd.DataFrame | str | PathLike[str] | xr.Dataset
    role: Role
    _: KW_ONLY
    patient: str = "patient"
    tumor: str | None = None
    region: str | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    columns: Sequence[str] | None = None
    exclude: Sequence[str] = ()
    layout: Layout = "wide"
    name: str | None = None
    value: str | None = None
    missing: Sequence[str | float] = ()
    text: Sequence[str] = ()
    dates: Sequence[str] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    barcodes: Barcodes = "automatic"
    names: Names = "refuse"
    sheet: str | None = None

    def __post_init__(self) -> None:
        """Refuse options that are unknown or do not go together."""
        for option in ("roles", "rename", "units"):
            if not isinstance(getattr(self, option), Mapping):
                raise SettingsError(
                    f"{option} is a {type(getattr(self, option)).__name__}; expected a mapping from a column, such as "
                    f"{_EXAMPLES[option]}"
                )
        for role in (self.role, *self.roles.values()):
            if role not in ROLES:
                raise SettingsError(f"a role is {role!r}; expected one of {', '.join(ROLES)}")
        for option, permitted in (("layout", Layout), ("barcodes", Barcodes), ("names", Names)):
            given = getattr(self, option)
            if given not in get_args(permitted):
                raise SettingsError(f"{option} is {given!r}; expected one of {', '.join(get_args(permitted))}")
        for option in ("columns", "exclude", "missing", "text", "dates"):
            if isinstance(getattr(self, option), str):
                raise SettingsError(
                    f"{option} is the text {getattr(self, option)!r}; expected a list, such as "
                    f"[{getattr(self, option)!r}]"
                )
        long = {"name": self.name, "value": self.value}
        for option, given in long.items():
            if self.layout == "long" and given is None:
                raise SettingsError(f"a long table needs {option}=, the column with the variable's {option}")
            if self.layout == "wide" and given is not None:
                raise SettingsError(f"{option}={given!r} is for long tables; give layout='long', or leave it out")
        if isinstance(self.table, xr.Dataset):
            self._refuse_options_of_tables()
        elif not isinstance(self.table, (pd.DataFrame, str, PathLike)):
            raise SettingsError(f"a table is a {type(self.table).__name__}; expected a DataFrame, a path or a Dataset")

    def _refuse_options_of_tables(self) -> None:
        given = [option for option in ("tumor", "region", "missing", "text", "dates", "sheet") if getattr(self, option)]
        given += ["patient"] * (self.patient != "patient") + ["layout"] * (self.layout != "wide")
        if given:
            raise SettingsError(
                f"{', '.join(given)} is for tables; a Dataset says by its dims and coordinates what it holds"
            )

    @property
    def level(self) -> Level:
        """What a row is of, by the columns that are named; for tables only."""
        return "region" if self.region is not None else "tumor" if self.tumor is not None else "patient"

    @property
    def keys(self) -> dict[Level, str]:
        """The column of each level that is named, from whole to part."""
        given: dict[Level, str | None] = {"patient": self.patient, "tumor": self.tumor, "region": self.region}
        return {level: column for level, column in given.items() if column is not None}

    @property
    def path(self) -> Path | None:
        """The file, where the table is one."""
        return None if isinstance(self.table, (pd.DataFrame, xr.Dataset)) else Path(self.table)


def check_sources(sources: Mapping[str, Source]) -> None:
    """Refuse what is no mapping of sources, and names that a report could not tell apart from its own columns.

    Raises
    ------
    SettingsError
        There is no source, or something else than a `Source`; or a name is empty, no text, holds a
        semicolon, or is one of `RESERVED`.

    Examples
    --------
    >>> check_sources({"clinical": Source(pd.DataFrame({"patient": ["P1"], "age": [50]}), "clinical")})
    """
    if not isinstance(sources, Mapping) or not sources:
        raise SettingsError("there is no source to join; give a mapping from a name to a Source")
    for name, source in sources.items():
        if not isinstance(name, str) or not name.strip() or ";" in name or name in RESERVED:
            raise SettingsError(
                f"a source is called {name!r}; expected a word without a semicolon, other than "
                f"{', '.join(sorted(RESERVED))}"
            )
        if not isinstance(source, Source):
            raise SettingsError(
                f"{name!r} is a {type(source).__name__}; expected a Source, which says what a table is: "
                "Source(table, 'clinical')"
            )
