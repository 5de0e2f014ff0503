"""Masks of several labels: every label a region of its own, described in one call, or as rows of a manifest."""

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk
import xarray as xr

from bayesrg import __version__
from bayesrg.errors import BayesrgError, RegionError
from bayesrg.imaging import labels as count_labels
from bayesrg.imaging import process, read_image, read_mask, select_label
from bayesrg.imaging import resample_mask as resample_onto
from bayesrg.radiomics.case import CASE_ERRORS
from bayesrg.radiomics.extraction import count_voxels, explain, measure
from bayesrg.radiomics.features import FEATURES
from bayesrg.radiomics.provenance import hash_image
from bayesrg.radiomics.settings import Settings
from bayesrg.settings import to_dict

EVERY_LABEL = "all"
"""What a manifest's column label says where every label of the mask is to be a row."""

_COUNTED = ("n_voxels", "n_voxels_morphological", "n_levels", "bin_width")


def extract_labels(
    image: sitk.Image | str | PathLike[str],
    mask: sitk.Image | str | PathLike[str],
    settings: Settings | None = None,
    *,
    labels: Sequence[int] | Mapping[int, str] | None = None,
    resample_mask: bool = False,
) -> xr.Dataset:
    """Return the features of several labels of a mask, each a region of its own; the image is read once.

    A label whose region has no features (lost by interpolation, say) does not stop the others: its values are NaN, the
    reason beside them, and a warning names it.

    Parameters
    ----------
    image, mask, settings
        As for `bayesrg.radiomics.extract`.
    labels
        Which, in the order wanted; a mapping gives them names. None takes all that the mask holds, ascending.
    resample_mask
        Resample a mask that lies on another grid onto the image's (nearest neighbour), instead of refusing it.

    Returns
    -------
    xr.Dataset
        ``value`` and ``reason`` (why a value is NaN), dims ``label, feature``. Coordinates along feature as `extract`
        has them; along label ``name`` (the label itself where none was given), ``mask_hash``, and ``n_voxels``,
        ``n_voxels_morphological``, ``n_levels``, ``bin_width`` (NaN where there is none). Attributes as `extract` has
        them, but those.

    Raises
    ------
    RegionError
        The mask is empty, a label that was asked for is not in it, or no label has any features.
    ImageError, GeometryError, SettingsError
        As for `extract`.

    Warns
    -----
    UserWarning
        Labels have no features; the message says which and why.
    """
    settings = settings or Settings()
    paths = {
        name: str(source) for name, source in (("image", image), ("mask", mask)) if not isinstance(source, sitk.Image)
    }
    try:
        voxels = image if isinstance(image, sitk.Image) else read_image(image)
        labelled = mask if isinstance(mask, sitk.Image) else read_mask(mask)
        if resample_mask:
            labelled = resample_onto(labelled, voxels)
        chosen = _choose(labelled, labels)
        regions = {label: _measure(voxels, labelled, label, settings) for label in chosen}
    except BayesrgError as problem:
        # An ImageError names its file itself; the others see arrays, not files.
        said = str(problem)
        places = [path for path in paths.values() if path not in said]
        raise type(problem)(": ".join([*places, said])) from problem
    failed = {label: found for label, found in regions.items() if isinstance(found, str)}
    if len(failed) == len(regions):
        raise RegionError(": ".join([*paths.values(), f"no label has features: {_list(failed)}"]))
    if failed:
        warnings.warn(f"{len(failed)} of {len(regions)} labels have no features: {_list(failed)}", stacklevel=2)
    return _collect(regions, chosen, settings, {"image_hash": hash_image(voxels), **paths})


def expand_labels(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Return a manifest with a row for each label of the mask, where its column label says ``"all"``.

    The other cells of such a row are repeated. A row whose mask cannot be read, or holds nothing that a manifest can
    name, keeps an empty label, so that it fails by itself when it is extracted, with what is wrong. Rows are then
    counted as they stand in the table returned. A table without such a cell is returned as it is.

    Parameters
    ----------
    table
        With columns ``mask`` and, if need be, ``label``.
    folder
        Where relative paths start.
    """
    if "label" not in table or "mask" not in table:
        return table
    every = [isinstance(cell, str) and cell.strip().lower() == EVERY_LABEL for cell in table["label"]]
    if not any(every):
        return table
    found = [
        _list_labels(mask, folder) if expanded else [label]
        for mask, label, expanded in zip(table["mask"], table["label"], every, strict=True)
    ]
    rows = np.repeat(np.arange(len(table)), [len(labels) for labels in found])
    expanded = table.iloc[rows].reset_index(drop=True)
    cells = [label for labels in found for label in labels]
    if all(_is_blank(cell) or re.fullmatch(r" *\d+(\.0*)? *", str(cell)) for cell in cells):
        numbers = [None if _is_blank(cell) else int(float(str(cell))) for cell in cells]
        expanded["label"] = pd.array(numbers, dtype="Int64")
    else:
        expanded["label"] = cells
    return expanded


def _choose(mask: sitk.Image, labels: Sequence[int] | Mapping[int, str] | None) -> dict[int, str]:
    """Return the names of the labels that are wanted, all of which the mask holds."""
    present = count_labels(mask)
    if not present:
        raise RegionError("The mask is empty: every voxel is 0. Give a mask with a region.")
    if labels is None:
        return {label: str(label) for label in present}
    names = dict(labels) if isinstance(labels, Mapping) else {int(label): str(int(label)) for label in labels}
    absent = [label for label in names if label not in present]
    if absent or not names:
        listing = ", ".join(f"{label} ({count} voxels)" for label, count in present.items())
        wanted = f"holds no label {', '.join(map(str, absent))}" if absent else "was asked for no label"
        raise RegionError(f"The mask {wanted}; it has {listing}. Choose some of these, or leave labels out for all.")
    return {int(label): str(name) for label, name in names.items()}


def _measure(image: sitk.Image, mask: sitk.Image, label: int, settings: Settings) -> dict | str:
    """Return values and provenance of one label, or why it has none."""
    region = select_label(mask, label)
    try:
        processed = process(image, region, settings)
        values = measure(processed, settings)
    except RegionError as problem:
        return str(problem)
    return {"values": values, "mask_hash": hash_image(region), **count_voxels(processed)}


def _collect(
    regions: Mapping[int, dict | str],
    names: Mapping[int, str],
    settings: Settings,
    provenance: Mapping[str, object],
) -> xr.Dataset:
    features = [feature.name for feature in settings.selected]
    value = np.full((len(regions), len(features)), np.nan)
    reason = np.full(value.shape, "", dtype=object)
    counted = {name: np.full(len(regions), np.nan) for name in _COUNTED}
    hashes = []
    spacing = None
    for row, found in enumerate(regions.values()):
        hashes.append("" if isinstance(found, str) else found["mask_hash"])
        if isinstance(found, str):
            reason[row] = found
            continue
        value[row] = [found["values"][name] for name in features]
        reasons = explain(found["values"])
        reason[row] = [reasons.get(name, "") for name in features]
        for name in _COUNTED:
            counted[name][row] = found.get(name, np.nan)
        spacing = found["spacing"]
    along = {
        key: ("feature", [getattr(FEATURES[name], key) for name in features])
        for key in ("family", "ibsi_code", "unit", "aggregation")
    }
    return xr.Dataset(
        {"value": (("label", "feature"), value), "reason": (("label", "feature"), reason.astype(str))},
        coords={
            "label": list(regions),
            "feature": features,
            **along,
            "name": ("label", [names[label] for label in regions]),
            "mask_hash": ("label", hashes),
            **{name: ("label", numbers) for name, numbers in counted.items()},
        },
        attrs={
            "bayesrg_version": __version__,
            "settings": json.dumps(to_dict(settings)),
            "settings_hash": settings.content_hash,
            **provenance,
            "spacing": spacing,
        },
    )


def _list_labels(mask: object, folder: Path) -> list[int | None]:
    """Return the labels of a mask, or None alone where there are none that a manifest can name."""
    if not isinstance(mask, str | PathLike):
        return [None]
    try:
        found = list(count_labels(read_mask(folder / mask)))
    except CASE_ERRORS:
        # What is wrong with the file is told when the row is extracted, beside what is wrong with other rows.
        return [None]
    return list(found) if found and min(found) > 0 else [None]


def _is_blank(cell: object) -> bool:
    return cell is None or cell is pd.NA or cell != cell  # NaN is the value that differs from itself


def _list(failed: Mapping[int, dict | str]) -> str:
    return "; ".join(f"label {label}: {reason}" for label, reason in failed.items())
