"""Fingerprints of images: which voxels, on which grid, features were computed from."""

import hashlib

import numpy as np
import SimpleITK as sitk


def hash_image(image: sitk.Image) -> str:
    """Return the SHA-256 (hexadecimal) of an image's voxels, their type, and its size, spacing, origin and direction.

    It does not depend on the file: format, compression and header comments do not enter.
    """
    voxels = sitk.GetArrayViewFromImage(image)
    geometry = np.array([*image.GetSpacing(), *image.GetOrigin(), *image.GetDirection()], dtype="<f8")
    # Adding 0.0 makes -0.0, which some writers leave in a direction, equal to 0.0.
    digest = hashlib.sha256((geometry + 0.0).tobytes())
    digest.update(f"{voxels.dtype.name} {image.GetSize()}".encode())
    digest.update(np.ascontiguousarray(voxels, dtype=voxels.dtype.newbyteorder("<")).data)
    return digest.hexdigest()
