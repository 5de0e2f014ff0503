"""Strips under an oncoplot that show what else is known of each patient: a colour a category, or a scale."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError, TableError
from bayesrg.reporting.cohort.lettering import clean, plain
from bayesrg.reporting.cohort.sheet import Swatch
from bayesrg.reporting.drawing import PALE

# Okabe and Ito's eight colours in an order in which neighbours differ in lightness as well.
CATEGORIES = ("#0072B2", "#E69F00", "#56B4E9", "#D55E00", "#F0E442", "#009E73", "#CC79A7", "#000000")
OTHERS = "#767676"
# From pale to dark: a scale that prints in grey.
SCALE = ("#dfe8ee", "#b3cee2", "#79add2", "#2f74a8", "#123f63")
UNKNOWN = Swatch("not known", PALE, hatched=True)


@dataclass(frozen=True)
class Strip:
    """One annotation, a patch a patient.

    Parameters
    ----------
    name : beside the strip
    swatches : what its colours mean
    codes : shape (unit,), the swatch of each patient; −1 where nothing is known
    words : what it shows, for the alternative text
    """

    name: str
    swatches: tuple[Swatch, ...]
    codes: np.ndarray
    words: str


def make_strips(
    mutations: xr.Dataset, unit: str, labels: np.ndarray, annotations: object, variables: Sequence[str] | None
) -> list[Strip]:
    """The strips of an oncoplot, for columns in the order of `labels`.

    Parameters
    ----------
    mutations : the data of the oncoplot; its own variables over `unit` can be shown too
    unit : the dim of its columns
    labels : shape (unit,)
    annotations : DataFrame with the labels as its index, or Dataset over `unit`; None where there is none
    variables : which to show, in this order; None shows all of `annotations`

    Raises
    ------
    TableError
        If a label occurs twice in the annotations, or none of them is in the plot.
    SettingsError
        For a variable that neither the annotations nor the data have.
    """
    frame = _frame_of(annotations, unit)
    own = [str(name) for name, one in mutations.data_vars.items() if one.dims == (unit,)]
    names = list(map(str, frame.columns)) if variables is None else list(variables)
    strangers = [name for name in names if name not in frame.columns and name not in own]
    if strangers:
        known = ", ".join([*map(str, frame.columns), *own]) or "none"
        raise SettingsError(f"there is no variable {strangers[0]!r} to show under the plot; there are: {known}")
    twice = frame.index[frame.index.duplicated()].unique()
    if len(twice):
        raise TableError(
            f"{len(twice)} labels occur more than once in the index of the annotations, such as {str(twice[0])!r}: "
            "keep one row for each"
        )
    if len(frame) and len(labels) and not frame.index.isin(labels).any():
        raise TableError(
            f"no label of the annotations is in the plot: they begin with {str(frame.index[0])!r}, those of the plot "
            f"with {str(labels[0])!r}; set the index of the annotations to what the plot's {unit} is called"
        )
    aligned = frame.reindex(labels)
    place = pd.Index(mutations[unit].values.astype(str)).get_indexer(pd.Index(labels))
    return [
        _make_strip(name, pd.Series(aligned[name] if name in frame.columns else mutations[name].values[place]), number)
        for number, name in enumerate(names)
    ]


def _frame_of(annotations: object, unit: str) -> pd.DataFrame:
    if annotations is None:
        return pd.DataFrame()
    if isinstance(annotations, xr.Dataset):
        kept = [name for name, one in annotations.data_vars.items() if one.dims == (unit,)]
        frame = pd.DataFrame({name: annotations[name].values for name in kept}, index=annotations[unit].values)
    elif isinstance(annotations, pd.DataFrame):
        frame = annotations
    else:
        raise TableError(
            f"annotations is a {type(annotations).__name__}; give a DataFrame with the {unit}s in its index, or a "
            "Dataset over them"
        )
    return frame.set_axis(frame.index.astype(str), axis=0)


def _make_strip(name: str, values: pd.Series, number: int) -> Strip:
    missing = values.isna().to_numpy() | (values.astype(str).str.strip() == "").to_numpy()
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if numeric:
        missing |= ~np.isfinite(values.to_numpy(dtype=float, na_value=np.nan))
    present = values.loc[~missing]
    scaled = numeric and present.nunique() > len(SCALE)
    codes = np.full(len(values), -1)
    if scaled:
        swatches, found = _scale(present.to_numpy(dtype=float))
    else:
        swatches, found = _categories(present, numeric, number)
    codes[~missing] = found
    said = ", ".join(f"{one.label} {int((codes == k).sum())}" for k, one in enumerate(swatches))
    if missing.any():
        said = f"{said}, not known {int(missing.sum())}".lstrip(", ")
    return Strip(clean(name).replace("_", " "), swatches, codes, said)


def _scale(values: np.ndarray) -> tuple[tuple[Swatch, ...], np.ndarray]:
    """Five shades, each for a fifth of the patients (fewer where fifths are equal)."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, len(SCALE) + 1)))
    codes = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    shown = [plain(float(edge)) for edge in edges]
    shades = SCALE[len(SCALE) - (len(edges) - 1) :]
    labels = [f"{low} to {high}" for low, high in itertools.pairwise(shown)]
    return tuple(Swatch(label, shade) for label, shade in zip(labels, shades, strict=True)), codes


def _categories(present: pd.Series, numeric: bool, number: int) -> tuple[tuple[Swatch, ...], np.ndarray]:
    """A colour a category, the most frequent first (numbers in their order); what goes beyond eight is one group."""
    shown = present.map(lambda one: f"{one:g}") if numeric else present.map(clean)
    counts = shown.value_counts(sort=True)
    ordered = sorted(counts.index, key=float) if numeric else sorted(counts.index, key=lambda one: (-counts[one], one))
    room = len(CATEGORIES)
    kept = ordered if len(ordered) <= room else ordered[: room - 1]
    start = 2 * number % room
    swatches = [Swatch(label, CATEGORIES[(start + k) % room]) for k, label in enumerate(kept)]
    if len(kept) < len(ordered):
        swatches.append(Swatch(f"{len(ordered) - len(kept)} others", OTHERS))
    where: Mapping[str, int] = {label: min(k, len(kept)) for k, label in enumerate(ordered)}
    return tuple(swatches), shown.map(where).to_numpy(dtype=int)
