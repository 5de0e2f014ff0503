"""The IBSI CT phantom, read once."""

import pytest
import SimpleITK as sitk

from bayesrg import datasets
from bayesrg.imaging import read_image, read_mask


@pytest.fixture(scope="session")
def ct_phantom() -> tuple[sitk.Image, sitk.Image]:
    """Image (HU) and mask of the IBSI CT phantom; not to be changed by a test."""
    folder = "ibsi1/ibsi1_ct_phantom"
    return read_image(datasets.path(f"{folder}/image.nii.gz")), read_mask(datasets.path(f"{folder}/mask.nii.gz"))
