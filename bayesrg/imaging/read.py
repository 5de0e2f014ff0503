"""Reading images and masks: NIfTI, NRRD and MetaImage files and DICOM series, as three-dimensional SimpleITK images.

Decisions: a 2-D image becomes a volume of one slice, 1 mm thick. A fourth dimension of length one is dropped; a longer
one, and several components per voxel (colour, vectors, complex numbers), are refused with the mend. NaN and infinite
voxels are kept: whether they matter depends on the region. Intensities are those the file states, rescaled by its slope
and intercept.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from bayesrg.errors import ImageError, RegionError
from bayesrg.imaging.dicom import is_dicom, read_file, read_series
from bayesrg.imaging.geometry import as_volume
from bayesrg.imaging.nifti import is_called_nifti, read_nifti_header, read_nifti_voxels

_FORMATS = {"NiftiImageIO": "NIfTI", "NrrdImageIO": "NRRD", "MetaImageIO": "MetaImage"}
_SUFFIXES = ".nii, .nii.gz, .hdr, .nrrd, .nhdr, .mha, .mhd, or a folder of DICOM slices"


def read_image(path: str | PathLike[str], *, series: str | None = None) -> sitk.Image:
    """Return the image of a NIfTI, NRRD or MetaImage file, a DICOM file, or a folder that holds a DICOM series.

    Parameters
    ----------
    path
        File or folder.
    series
        Series Instance UID or series description, where a folder holds several DICOM series.

    Returns
    -------
    sitk.Image
        Three-dimensional, one component per voxel, in the pixel type of the file.

    Raises
    ------
    ImageError
        Naming the file: missing, empty, damaged, cut short, of another format, of other dimensions, or a DICOM series
        that does not fill a grid (see `bayesrg.imaging.dicom.read_series`).
    """
    path = Path(path)
    if path.is_dir():
        return read_series(path, series)
    if not path.is_file():
        raise ImageError(f"{path}: there is no such file or folder; check the path.")
    if path.stat().st_size == 0:
        raise ImageError(f"{path}: the file is empty; copy or export it again.")
    if series is not None:
        raise ImageError(f"{path}: series= chooses among the DICOM series of a folder, and this is a file; omit it.")
    if is_dicom(path):
        return read_file(path)
    return _read_file(path)


def read_mask(path: str | PathLike[str], *, series: str | None = None) -> sitk.Image:
    """Return a mask of integer labels, from the same formats as `read_image`.

    Floating-point masks whose values are all integers become 32-bit integers.

    Raises
    ------
    ImageError
        As `read_image` does, and for values that are no integers (NaN too), with the first one and its place.
    """
    mask = read_image(path, series=series)
    if mask.GetPixelID() not in (sitk.sitkFloat32, sitk.sitkFloat64):
        return mask
    values = sitk.GetArrayViewFromImage(mask)
    whole = values == np.rint(values)
    whole &= np.abs(values) < 2**31
    if not whole.all():
        place = tuple(int(index) for index in np.argwhere(~whole)[0])
        raise ImageError(
            f"{path}: a mask holds integer labels, but this one holds {values[place]:g} at [z, y, x] = {list(place)} "
            f"and {np.count_nonzero(~whole) - 1} other such voxels. Threshold it first, or give the mask itself."
        )
    return sitk.Cast(mask, sitk.sitkInt32)


def labels(mask: sitk.Image) -> dict[int, int]:
    """Return the number of voxels of each label in a mask, by label in ascending order; 0 is the background."""
    values = sitk.GetArrayViewFromImage(mask)
    values = values[values != 0]
    if values.size == 0:
        return {}
    if values.min() > 0 and values.max() < 2**16:
        counts = np.bincount(values.astype(np.uint16))
        return {int(label): int(counts[label]) for label in np.flatnonzero(counts)}
    found, counts = np.unique(values, return_counts=True)
    return {int(label): int(count) for label, count in zip(found, counts, strict=True)}


def select_label(mask: sitk.Image, label: int | None = None) -> sitk.Image:
    """Return the region of one label as a mask of 0 and 1 (8-bit), on the grid of ``mask``.

    Parameters
    ----------
    mask
        Integer labels.
    label
        Which one; None takes the only one.

    Raises
    ------
    RegionError
        If the label is absent, or none was given and there are several: with all labels and their numbers of voxels.
    """
    if label is not None and label != 0:
        region = sitk.GetArrayViewFromImage(mask) == label
        if region.any():
            return _mask_like(mask, region)
    found = labels(mask)
    if label is None and len(found) == 1:
        return select_label(mask, next(iter(found)))
    listing = ", ".join(f"{value} ({count} voxels)" for value, count in found.items())
    if not found:
        raise RegionError("The mask is empty: every voxel is 0. Give a mask with a region.")
    if label is None:
        raise RegionError(f"The mask holds several labels: {listing}. Choose one with label=, or a label column.")
    background = " (0 is the background)" if label == 0 else ""
    raise RegionError(f"Label {label}{background} is not in the mask, which holds {listing}. Choose one of these.")


def _mask_like(mask: sitk.Image, region: np.ndarray) -> sitk.Image:
    result = sitk.GetImageFromArray(region.view(np.uint8))
    result.CopyInformation(mask)
    return result


def _read_file(path: Path) -> sitk.Image:
    kind = sitk.ImageFileReader.GetImageIOFromFileName(str(path))
    header = read_nifti_header(path) if is_called_nifti(path) or kind == "NiftiImageIO" else None
    if kind not in _FORMATS:
        raise ImageError(
            f"{path}: not a readable image; expected {_SUFFIXES}. Export it again in one of these formats."
        )
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        extract = _choose_extent(path, reader)
        if header is not None:
            image = _place(read_nifti_voxels(header), reader)
        else:
            if extract is not None:
                reader.SetExtractSize(extract)
            image = reader.Execute()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise ImageError(
            f"{path}: the {_FORMATS[kind]} file could not be read; it is damaged, cut short or lacks its data file "
            f"({reason}). Copy or export it again."
        ) from error
    if not np.isfinite([*image.GetSpacing(), *image.GetOrigin(), *image.GetDirection()]).all():
        raise ImageError(
            f"{path}: the header gives spacing {image.GetSpacing()}, origin {image.GetOrigin()} and direction "
            f"{image.GetDirection()}, which are not all numbers; it is damaged. Export it again."
        )
    if 0 in image.GetSize():
        raise ImageError(f"{path}: no voxels: the header gives the size {image.GetSize()}. Export it again.")
    return as_volume(image)


def _place(voxels: np.ndarray, reader: sitk.ImageFileReader) -> sitk.Image:
    """Return voxels ``[…, z, y, x]`` as an image of at most three dimensions, in the geometry the reader found."""
    size = reader.GetSize()
    dimensions = min(3, len(size))
    image = sitk.GetImageFromArray(voxels.reshape(size[:dimensions][::-1]))
    image.SetSpacing(reader.GetSpacing()[:dimensions])
    image.SetOrigin(reader.GetOrigin()[:dimensions])
    cosines = np.reshape(reader.GetDirection(), (len(size), len(size)))
    image.SetDirection(cosines[:dimensions, :dimensions].ravel())
    return image


def _choose_extent(path: Path, reader: sitk.ImageFileReader) -> list[int] | None:
    """Return what to extract of an image of more than three dimensions, None for all; refuse all but scalar volumes."""
    size = reader.GetSize()
    if reader.GetPixelID() in (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64):
        raise ImageError(f"{path}: complex voxels; save their magnitude (sitk.ComplexToModulus) and give that.")
    if reader.GetNumberOfComponents() > 1:
        raise ImageError(
            f"{path}: {reader.GetNumberOfComponents()} components per voxel; an image or mask has one. Save one "
            "component as its own file (sitk.VectorIndexSelectionCast); export overlapping 3D Slicer segments as "
            "labelmaps."
        )
    if any(length > 1 for length in size[3:]):
        raise ImageError(
            f"{path}: {len(size)} dimensions of sizes {list(size)}; an image has three. Save one volume as its own "
            "file (image[:, :, :, k] in SimpleITK) and give that."
        )
    return [*size[:3], *[0] * (len(size) - 3)] if len(size) > 3 else None
