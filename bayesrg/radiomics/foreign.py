"""Feature tables of other tools under IBSI's names: pyradiomics and MIRP.

A name of ours is a family, IBSI's name for the feature in it, and for textures how matrices were combined, such as
``glrlm_run_entropy_3d_averaged``. Families that `bayesrg.radiomics.FEATURES` does not extract are named in the same
manner. A feature of a filtered image keeps the filter in front, as its tool wrote it:
``wavelet-LHL_statistics_mean``, ``log_s_1.0_statistics_mean``; the original image has no prefix.

`PYRADIOMICS` and `MIRP` say for each feature which of IBSI's it is, and where its definition differs. They were written
after the source of pyradiomics, old releases and new, with its list of removed features, and after the source and the
feature list of MIRP 2; they stand in ``pyradiomics.tsv`` and ``mirp.tsv`` beside this file.

One difference holds for every discretised feature of pyradiomics: it lays bin edges at multiples of the bin width
where IBSI begins at the lower end of the re-segmentation range. Values of the two are close, not equal.
"""

import csv
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from types import MappingProxyType

import numpy as np
import pandas as pd

from bayesrg.errors import TableError
from bayesrg.radiomics.features import FEATURES


@dataclass(frozen=True)
class Counterpart:
    """What a feature of another tool is in IBSI's terms.

    Attributes
    ----------
    theirs
        The tool's name, without filter and parameters.
    ours
        Our name, without filter and aggregation. It begins with the tool's name where IBSI has no such feature.
    family
        Our name of its family; also where IBSI has no such feature.
    ibsi_code
        IBSI's code; empty where IBSI has no such feature.
    unit
        Unit of the value, empty for a plain number; ``"intensity"`` is the unit of the image that was measured.
    difference
        How its definition differs from IBSI's; empty if it does not.
    """

    theirs: str
    ours: str
    family: str
    ibsi_code: str
    unit: str
    difference: str


def _read(file: str) -> Mapping[str, Counterpart]:
    """Return the correspondences that a file of this package holds, by the other tool's names."""
    text = resources.files("bayesrg.radiomics").joinpath(file).read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return MappingProxyType({row["theirs"]: Counterpart(**row) for row in rows})


PYRADIOMICS = _read("pyradiomics.tsv")
"""Each feature of pyradiomics by ``<class>_<feature>``, such as ``"firstorder_Kurtosis"``."""

MIRP = _read("mirp.tsv")
"""Each feature of MIRP by its abbreviation, such as ``"cm_contrast"``."""

_PYRADIOMICS_CLASSES = frozenset(name.split("_")[0] for name in PYRADIOMICS)
_PYRADIOMICS_SETTINGS = ("diagnostics_", "general_info_")
_PYRADIOMICS_CONFIGURATIONS = ("diagnostics_Configuration_Settings", "general_info_GeneralSettings")
_MIRP_FAMILIES = frozenset(name.split("_")[0] for name in MIRP)
_MIRP_DISCRETISATIONS = ("fbn", "fbs", "fbsp")
_MIRP_DEFAULTS = frozenset({("d", 1.0), ("a", 0.0)})

# How matrices combine: by direction (GLCM, GLRLM), and without directions (zones and neighbourhoods).
_DIRECTIONAL = frozenset({"glcm", "glrlm"})
_UNDIRECTED = frozenset({"glszm", "gldzm", "ngtdm", "ngldm"})
_MIRP_DIRECTIONAL = {
    "2d_avg": "2d_averaged",
    "2d_s_mrg": "2d_slice_merged",
    "2.5d_d_mrg": "2p5d_direction_merged",
    "2.5d_v_mrg": "2p5d_merged",
    "3d_avg": "3d_averaged",
    "3d_v_mrg": "3d_merged",
}
_MIRP_UNDIRECTED = {"2d": "2d", "2.5d": "2p5d", "3d": "3d"}

# The square of the root mean square may differ this much, relatively, from variance plus squared mean by rounding and
# by a variance divided by N - 1; a shift of the intensities makes it differ by more.
_SHIFT_TOLERANCE = 0.01


@dataclass
class _Renaming:
    """What becomes of each column of a table."""

    tool: str
    names: dict[str, str] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    unmapped: list[str] = field(default_factory=list)
    not_ibsi: dict[str, str] = field(default_factory=dict)

    def apply(self, table: pd.DataFrame, **attributes: object) -> pd.DataFrame:
        """Return the table under its new names; warn of columns that look like features and are none we know."""
        kept = [column for column in table.columns if column not in self.dropped]
        taken: dict[object, object] = {}
        for column in kept:
            name = self.names.get(column, column)
            if name in taken:
                raise TableError(
                    f"columns {taken[name]!r} and {column!r} would both be called {name!r}; remove or rename one of "
                    f"them before the names of {self.tool} are translated"
                )
            taken[name] = column
        if self.unmapped:
            warnings.warn(
                f"{len(self.unmapped)} columns look like features of {self.tool} but are not among those we know; "
                f"they keep their names: {', '.join(self.unmapped)}",
                UserWarning,
                stacklevel=3,
            )
        renamed = table.drop(columns=self.dropped).set_axis(list(taken), axis="columns")
        renamed.attrs = {
            **table.attrs,
            "tool": self.tool,
            "dropped": self.dropped,
            "unmapped": self.unmapped,
            "not_ibsi": self.not_ibsi,
            **attributes,
        }
        return renamed


def features_from_pyradiomics(table: pd.DataFrame, *, force_2d: bool = False) -> pd.DataFrame:
    """Return a table of pyradiomics with its features under IBSI's names.

    Parameters
    ----------
    table
        Columns ``<filter>_<class>_<feature>`` as pyradiomics writes them, such as ``original_glcm_Contrast``, in any
        release; a modality may stand in front. Anything else (patient, session, ...) is carried through unchanged.
    force_2d
        Whether textures were measured slice by slice (pyradiomics' setting ``force2D``, or images of one slice). IBSI
        calls that 2.5D: the GLCM and GLRLM are then ``2p5d_direction_merged`` and the other textures ``2p5d``, else
        ``3d_averaged`` and ``3d``. (With a ``weightingNorm`` pyradiomics merges directions instead; the table does not
        tell, so rename those columns yourself.)

    Returns
    -------
    pandas.DataFrame
        The same rows. Settings (``diagnostics_*``, ``general_info_*``) are dropped. Features that IBSI does not have
        are called ``pyradiomics_<class>_<feature>``. So are ``Energy`` and ``RootMeanSquared`` where the table's means
        and variances show that intensities were shifted first (``voxelArrayShift``), which IBSI does not do. In
        ``attrs``: ``tool``, ``dropped``, ``unmapped`` (columns that look like features but are none we know; they keep
        their names), and ``not_ibsi`` (column: why it is not IBSI's).

    Raises
    ------
    TableError
        If two columns would get one name, or if the settings in the table say otherwise than ``force_2d``.

    Warns
    -----
    UserWarning
        If there are ``unmapped`` columns.
    """
    _check_dimensions(table, force_2d)
    shifted = _shifted_filters(table)
    renaming = _Renaming("pyradiomics")
    for column in _text_columns(table):
        found = _find(column, PYRADIOMICS)
        if column.startswith(_PYRADIOMICS_SETTINGS):
            renaming.dropped.append(column)
        elif found is not None and not found[2]:
            prefix, theirs, _ = found
            counterpart = PYRADIOMICS[theirs]
            name = counterpart.ours
            if theirs in ("firstorder_Energy", "firstorder_RootMeanSquared") and prefix in shifted:
                name = f"pyradiomics_{theirs}"
                renaming.not_ibsi[column] = "intensities were shifted by voxelArrayShift before they were squared"
            elif not counterpart.ibsi_code:
                renaming.not_ibsi[column] = counterpart.difference
            elif counterpart.family in _DIRECTIONAL:
                name += "_2p5d_direction_merged" if force_2d else "_3d_averaged"
            elif counterpart.family in _UNDIRECTED:
                name += "_2p5d" if force_2d else "_3d"
            renaming.names[column] = _join(_without_original(prefix), name)
        elif _mentions(column, _PYRADIOMICS_CLASSES):
            renaming.unmapped.append(column)
    return renaming.apply(table)


def features_from_mirp(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of MIRP with its features under IBSI's names.

    Parameters
    ----------
    table
        Columns as MIRP's ``extract_features`` writes them: filter, feature, parameters and discretisation, such as
        ``log_s_1.0_cm_contrast_d1_3d_avg_fbn_n32``. Anything else (``sample_name``, ...) is carried through unchanged.

    Returns
    -------
    pandas.DataFrame
        The same rows. IBSI's own parameters (distance 1, coarseness 0) are left out of the names, any other is kept
        behind the name (``glcm_contrast_3d_averaged_d2``). The discretisation is left out where the table has only one,
        and kept behind the name where it has several (``histogram_mean_fbn_n32``). In ``attrs``: ``tool``,
        ``discretisation`` (a list of those found), ``dropped`` (empty), ``unmapped`` (columns that look like features
        but are none we know, such as those pooled otherwise than by a mean; they keep their names), and ``not_ibsi``.

    Raises
    ------
    TableError
        If two columns would get one name.

    Warns
    -----
    UserWarning
        If there are ``unmapped`` columns.
    """
    renaming = _Renaming("MIRP")
    recognised: dict[str, tuple[str, str]] = {}
    for column in _text_columns(table):
        found = _find(column, MIRP)
        parameters = None if found is None else _read_parameters(MIRP[found[1]].family, found[2].split("_"))
        if found is not None and parameters is not None:
            counterpart = MIRP[found[1]]
            aggregation, other, discretisation = parameters
            recognised[column] = _join(found[0], counterpart.ours, aggregation, other), discretisation
        elif _mentions(column, _MIRP_FAMILIES) and pd.api.types.is_numeric_dtype(table[column]):
            renaming.unmapped.append(column)
    discretisations = sorted({discretisation for _, discretisation in recognised.values() if discretisation})
    for column, (name, discretisation) in recognised.items():
        renaming.names[column] = _join(name, discretisation) if len(discretisations) > 1 else name
    return renaming.apply(table, discretisation=discretisations)


def family_of(name: str) -> str:
    """Return the family of a feature: of ours, and of pyradiomics and MIRP before or after translation.

    Filters in front of the name and parameters behind it do not matter. Families are ``morphology``,
    ``local_intensity``, ``statistics``, ``histogram``, ``intensity_volume_histogram``, ``glcm``, ``glrlm``, ``glszm``,
    ``gldzm``, ``ngtdm`` and ``ngldm``. A name that holds no known feature has the family ``""``.
    """
    return _describe(name)[0]


def unit_of(name: str) -> str:
    """Return the unit of a feature that `family_of` knows; ``""`` for a plain number and for an unknown name.

    ``"intensity"`` is the unit of the image that was measured, after its filter and normalisation.
    """
    return _describe(name)[1]


def _describe(name: str) -> tuple[str, str]:
    """Return family and unit of the feature in a name, empty where there is none."""
    known = _known_features()
    found = _find(name, known)
    return known[found[1]] if found is not None else ("", "")


@cache
def _known_features() -> Mapping[str, tuple[str, str]]:
    """Return family and unit by every name of a feature, ours and theirs."""
    known = {name: (feature.family, feature.unit) for name, feature in FEATURES.items()}
    for counterpart in (*PYRADIOMICS.values(), *MIRP.values()):
        described = counterpart.family, counterpart.unit
        known[counterpart.theirs] = described
        known.setdefault(counterpart.ours, described)
    for theirs in ("firstorder_Energy", "firstorder_RootMeanSquared"):
        known[f"pyradiomics_{theirs}"] = known[theirs]
    return known


def _find(name: str, known: Mapping[str, object]) -> tuple[str, str, str] | None:
    """Return what stands before the longest known name in a column's name, that name, and what follows it."""
    words = name.split("_")
    for length in range(len(words), 0, -1):
        for start in range(len(words) - length, -1, -1):
            candidate = "_".join(words[start : start + length])
            if candidate in known:
                return "_".join(words[:start]), candidate, "_".join(words[start + length :])
    return None


def _mentions(column: str, words: Iterable[str]) -> bool:
    """Return whether one of the words stands in a column's name with something behind it."""
    return not set(words).isdisjoint(column.split("_")[:-1])


def _join(*parts: str) -> str:
    return "_".join(part for part in parts if part)


def _without_original(prefix: str) -> str:
    """Return a prefix without pyradiomics' name for the unfiltered image."""
    words = prefix.split("_")
    return "_".join(words[:-1]) if words[-1] == "original" else prefix


def _text_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns that have names, each of which must be there once."""
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise TableError(f"two columns are called {twice[0]!r}; rename one of them")
    return [column for column in table.columns if isinstance(column, str)]


def _check_dimensions(table: pd.DataFrame, force_2d: bool) -> None:
    """Refuse a table whose own settings say otherwise than the caller does."""
    for column in set(_PYRADIOMICS_CONFIGURATIONS).intersection(table.columns):
        settings = table[column].astype(str).str.lower().str.replace('"', "'", regex=False)
        differs = settings.str.contains("'force2d': true", regex=False) != force_2d
        if differs.any():
            raise TableError(
                f"in row {int(np.flatnonzero(differs)[0]) + 1} column {column!r} says that force2D was "
                f"{not force_2d}, which is not what was asked for; translate those rows with force_2d={not force_2d}"
            )


def _shifted_filters(table: pd.DataFrame) -> set[str]:
    """Return the prefixes of columns whose intensities were shifted before they were squared, in any row."""
    shifted = set()
    for column in _text_columns(table):
        prefix, _, feature = column.rpartition("firstorder_")
        others = [f"{prefix}firstorder_{other}" for other in ("Mean", "Variance")]
        if feature == "RootMeanSquared" and set(others) <= set(table.columns):
            # A cell that is no number is for the reader of that feature to name; here it compares as missing.
            root, mean, variance = (
                np.asarray(pd.to_numeric(table[name], errors="coerce"), dtype=np.float64) for name in (column, *others)
            )
            square, unshifted = root**2, mean**2 + variance
            if (np.abs(square - unshifted) > _SHIFT_TOLERANCE * np.maximum(square, unshifted)).any():
                shifted.add(prefix.rstrip("_"))
    return shifted


def _read_parameters(family: str, words: list[str]) -> tuple[str, str, str] | None:
    """Return aggregation, unusual parameters and discretisation in what follows MIRP's name; None if not readable."""
    words = [word for word in words if word]
    unusual = []
    while words and words[0][0] in "da" and _is_number(words[0][1:]):
        if (words[0][0], float(words[0][1:])) not in _MIRP_DEFAULTS:
            unusual.append(words[0])
        words = words[1:]
    discretisation = ""
    if len(words) > 1 and words[-2] in _MIRP_DISCRETISATIONS:
        discretisation = "_".join(words[-2:])
        words = words[:-2]
    combinations = {"": ""}
    if family in _DIRECTIONAL:
        combinations = _MIRP_DIRECTIONAL
    elif family in _UNDIRECTED:
        combinations = _MIRP_UNDIRECTED
    aggregation = combinations.get("_".join(words))
    return None if aggregation is None else (aggregation, "_".join(unusual), discretisation)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
