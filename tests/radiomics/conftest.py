"""Small images with known regions, in memory and on disk."""

import numpy as np
import pytest
import SimpleITK as sitk


def make_image(voxels, *, spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0)):
    """Return an image from an array [z, y, x]."""
    image = sitk.GetImageFromArray(np.asarray(voxels))
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    return image


def make_lesion(seed, *, size=12):
    """Return an image of noise on a gradient, and a mask with labels 1 (a ball) and 2 (a smaller one beside it)."""
    rng = np.random.default_rng(seed)
    z, y, x = np.indices((size, size, size))
    voxels = (100 + 5 * x + 3 * y + rng.normal(0, 10, (size,) * 3)).astype(np.float32)
    labels = np.zeros((size,) * 3, dtype=np.uint8)
    labels[(z - 5) ** 2 + (y - 5) ** 2 + (x - 4) ** 2 <= 12] = 1
    labels[(z - 5) ** 2 + (y - 5) ** 2 + (x - 9) ** 2 <= 2] = 2
    return make_image(voxels), make_image(labels)


@pytest.fixture(scope="session")
def lesions(tmp_path_factory):
    """A folder with images ``0.nii.gz`` to ``3.nii.gz`` and masks ``0_mask.nrrd`` to ``3_mask.nrrd``."""
    folder = tmp_path_factory.mktemp("lesions")
    for number in range(4):
        image, mask = make_lesion(number)
        sitk.WriteImage(image, folder / f"{number}.nii.gz")
        sitk.WriteImage(mask, folder / f"{number}_mask.nrrd")
    return folder
