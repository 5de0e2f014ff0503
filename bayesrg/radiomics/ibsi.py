"""Compliance with IBSI-1: its two phantoms measured on this machine, and every value held against the consensus.

The digital phantom is 80 voxels, which stand here; the CT phantom and the consensus values come through
`bayesrg.datasets`. A value complies if it differs from the consensus, after rounding to 3 significant digits, by no
more than IBSI's tolerance for it (Zwanenburg et al. 2020, doi:10.1148/radiol.2020191145).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import SimpleITK as sitk
import xarray as xr

from bayesrg import datasets
from bayesrg.imaging import read_image, read_mask
from bayesrg.radiomics.extraction import extract
from bayesrg.radiomics.features import FEATURES
from bayesrg.radiomics.foreign import MIRP
from bayesrg.radiomics.modality import ibsi_settings

CONFIGURATIONS = ("digital_phantom", *(f"ct_phantom_{letter}" for letter in "ABCDE"))
"""IBSI-1's configurations, by the names that its table of values has for them."""

# A line per slice, a word per row along x; the mask's 1 are the region's.
_DIGITAL_IMAGE = """
14411 14611 41641 44641
14411 11611 11311 44611
14411 11111 11911 11611
14411 11111 11111 11611
"""
_DIGITAL_MASK = """
11111 11111 11111 11111
11111 11111 01111 11111
11100 11111 11011 11111
11100 11111 11111 11111
"""


def digital_phantom() -> tuple[sitk.Image, sitk.Image]:
    """Return IBSI's digital phantom (CC BY 4.0): image and mask, 5 x 4 x 4 voxels of 2 mm, 74 of them in the region."""
    return _make_image(_DIGITAL_IMAGE), _make_image(_DIGITAL_MASK)


def check_compliance(say: Callable[[str], None] | None = None) -> pd.DataFrame:
    """Return every IBSI-1 value, with what this machine computes for it.

    Parameters
    ----------
    say
        Called with the name of each configuration before it is computed.

    Returns
    -------
    pandas.DataFrame
        1,804 rows: ``configuration``, ``family``, ``feature`` (our name), ``ibsi_code``, ``aggregation``, ``expected``
        and ``tolerance`` (IBSI's), ``found`` (unrounded), ``within`` (bool), and ``reason`` why a value is NaN.

    Raises
    ------
    DataNotFoundError
        If the CT phantom or the consensus values are neither on this machine nor to be had from their origin.
    """
    reference = datasets.ibsi_reference_values()
    parts = []
    for configuration in CONFIGURATIONS:
        if say is not None:
            say(configuration)
        name = configuration.removeprefix("ct_phantom_").removesuffix("_phantom")
        extracted = extract(*_phantom(configuration), ibsi_settings(name))
        parts.append(_compare(reference.loc[reference["configuration"] == configuration], extracted))
    return pd.concat(parts, ignore_index=True)


def tabulate_compliance(checked: pd.DataFrame) -> pd.DataFrame:
    """Return how many values of each family (rows) and configuration (columns) comply, as text such as ``29/29``."""
    texts = checked.groupby(["family", "configuration"], sort=False)["within"].agg(
        lambda within: f"{within.sum()}/{within.size}"
    )
    return texts.unstack("configuration", fill_value="").loc[:, list(CONFIGURATIONS)]


def summarise_compliance(checked: pd.DataFrame) -> str:
    """Return the verdict in one line."""
    return f"{np.count_nonzero(checked['within'])}/{len(checked)} IBSI-1 values within tolerance"


def _phantom(configuration: str) -> tuple[sitk.Image, sitk.Image]:
    if configuration == "digital_phantom":
        return digital_phantom()
    image, mask = (datasets.path(f"ibsi1/ibsi1_ct_phantom/{name}.nii.gz") for name in ("image", "mask"))
    return read_image(image), read_mask(mask)


def _compare(reference: pd.DataFrame, extracted: xr.Dataset) -> pd.DataFrame:
    names = [
        MIRP[tag].ours + ("" if aggregation == "none" else f"_{aggregation}")
        for tag, aggregation in zip(reference["tag"], reference["aggregation"], strict=True)
    ]
    expected, tolerance = reference["value"].to_numpy(float), reference["tolerance"].to_numpy(float)
    chosen = extracted.sel(feature=names)
    found = chosen["value"].values
    rounded = np.array([float(f"{value:.3g}") for value in found])
    # Differences of decimal fractions: a billionth of the value is rounding, not a miss.
    slack = 1e-9 * np.maximum(1.0, np.abs(expected))
    return pd.DataFrame(
        {
            "configuration": reference["configuration"].to_numpy(),
            "family": [FEATURES[name].family for name in names],
            "feature": names,
            "ibsi_code": [FEATURES[name].ibsi_code for name in names],
            "aggregation": reference["aggregation"].to_numpy(),
            "expected": expected,
            "tolerance": tolerance,
            "found": found,
            "within": np.abs(rounded - expected) <= tolerance + slack,
            "reason": chosen["reason"].values,
        }
    )


def _make_image(rows: str) -> sitk.Image:
    """Return an image of 2 mm voxels from digits: a line per slice, in it a word per row."""
    digits = [[[int(digit) for digit in word] for word in line.split()] for line in rows.split("\n") if line]
    image = sitk.GetImageFromArray(np.array(digits, dtype=np.int16))
    image.SetSpacing((2.0, 2.0, 2.0))
    return image
