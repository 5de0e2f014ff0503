"""DICOM series: one volume from a folder of slices, or an error that says why there is none."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from bayesrg.errors import ImageError

_GAP_TOLERANCE = 0.01
"""Relative difference from the usual distance of slices up to which a distance still counts as usual."""

_TILT_TOLERANCE = 0.1
"""Angle in degrees between slice normal and direction of the stack up to which the gantry counts as upright."""

_CONTOUR_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.481.3": "a DICOM RTSTRUCT (contours, no voxels)",
    "1.2.840.10008.5.1.4.1.1.66.4": "a DICOM SEG (segmentation object)",
}


@dataclass(frozen=True)
class _Slice:
    path: Path
    series: str
    description: str
    size: tuple[int, ...]
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    rescale: tuple[float, ...]
    thickness: tuple[float, ...]


def is_dicom(path: Path) -> bool:
    """Say whether the file carries DICOM's mark: the letters DICM at byte 128."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def read_series(folder: Path, series: str | None = None) -> sitk.Image:
    """Return the volume of one DICOM series in a folder, slices sorted along their normal.

    Files without DICOM's mark are passed over, unless they are called ``.dcm``; sub-folders are not searched.
    Intensities are rescaled slice by slice (slope and intercept; PET is not turned into SUV).

    Parameters
    ----------
    folder
        Folder of single-frame DICOM files.
    series
        Series Instance UID or series description; needed where the folder holds several series.

    Raises
    ------
    ImageError
        If there is no series, or several and none was chosen, or the chosen one does not fill an upright grid: slices
        missing, repeated or unevenly spaced (by more than 1 %), of different size or orientation, a gantry tilt of more
        than 0.1°; if a file is damaged, or holds contours, a segmentation object or several frames.
    """
    found = _scan(folder)
    chosen = _choose(folder, found, series)
    if len(chosen) == 1:
        return _read(chosen, distance=None)
    slices, distance = _stack(folder, chosen)
    return _read(slices, distance)


def read_file(path: Path) -> sitk.Image:
    """Return the image of a single-frame DICOM file: one slice, as thick as the header says (else 1 mm).

    Raises
    ------
    ImageError
        As `read_series` does for each of its files.
    """
    return _read([_read_header(path)], distance=None)


def refuse_contours(path: Path) -> None:
    """Raise an ImageError with the mend if the file is a DICOM RTSTRUCT or SEG."""
    name = _CONTOUR_CLASSES.get(_storage_class(path))
    if name is not None:
        raise ImageError(
            f"{path}: this is {name}, which bayesrg does not read. Convert it to a labelled volume (NIfTI, NRRD or "
            "MetaImage) on the image's grid first, with 3D Slicer, plastimatch or dcmqi's segimage2itkimage."
        )


def _storage_class(path: Path) -> str:
    """Return the SOP class of a DICOM file, element (0002,0002) at its start; empty for other files."""
    with path.open("rb") as file:
        head = file.read(1024)
    place = head.find(b"\x02\x00\x02\x00UI", 132)
    if head[128:132] != b"DICM" or place < 0:
        return ""
    length = int.from_bytes(head[place + 6 : place + 8], "little")
    return head[place + 8 : place + 8 + length].rstrip(b"\0 ").decode("ascii", errors="replace")


def _scan(folder: Path) -> dict[str, list[_Slice]]:
    """Return the slices in a folder by series; contours and segmentation objects beside them are passed over."""
    found: dict[str, list[_Slice]] = defaultdict(list)
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and path.name != "DICOMDIR"]
    dicom = [path for path in files if is_dicom(path) or path.suffix.lower() == ".dcm"]
    contours = [path for path in dicom if _storage_class(path) in _CONTOUR_CLASSES]
    for path in dicom:
        if path not in contours:
            one = _read_header(path)
            found[one.series].append(one)
    if not found:
        for path in contours:
            refuse_contours(path)
        holds = f"its files are {files[0].name} and {len(files) - 1} others" if files else "it holds no file at all"
        raise ImageError(f"{folder}: no DICOM image in this folder; {holds}. Give the folder that holds the slices.")
    return found


def _read_header(path: Path) -> _Slice:
    refuse_contours(path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("GDCMImageIO")
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise ImageError(f"{path}: not a readable DICOM image; it is cut short or damaged. Copy it again.") from error
    if len(reader.GetSize()) > 2 and reader.GetSize()[2] > 1:
        raise ImageError(
            f"{path}: a multi-frame DICOM file of {reader.GetSize()[2]} frames, which bayesrg does not read. "
            "Convert it to NIfTI first, for instance with dcm2niix."
        )
    return _Slice(
        path=path,
        series=_text(reader, "0020|000e"),
        description=_text(reader, "0008|103e"),
        size=reader.GetSize()[:2],
        position=_numbers(reader, "0020|0032"),
        orientation=_numbers(reader, "0020|0037"),
        rescale=_numbers(reader, "0028|1053") + _numbers(reader, "0028|1052"),
        thickness=_numbers(reader, "0018|0050"),
    )


def _text(reader: sitk.ImageFileReader, tag: str) -> str:
    return reader.GetMetaData(tag).strip(" \0") if reader.HasMetaDataKey(tag) else ""


def _numbers(reader: sitk.ImageFileReader, tag: str) -> tuple[float, ...]:
    text = _text(reader, tag)
    try:
        return tuple(float(number) for number in text.split("\\")) if text else ()
    except ValueError as error:
        raise ImageError(
            f"{reader.GetFileName()}: the header's element ({tag.replace('|', ',')}) should hold numbers but holds "
            f"{text!r}; the file is damaged. Export it again."
        ) from error


def _choose(folder: Path, found: dict[str, list[_Slice]], series: str | None) -> list[_Slice]:
    if series is None and len(found) == 1:
        return next(iter(found.values()))
    matches = [slices for slices in found.values() if series in (slices[0].series, slices[0].description)]
    if len(matches) == 1:
        return matches[0]
    listing = "\n".join(
        f"  {slices[0].series}  {slices[0].description or '(no description)'}  {len(slices)} slices"
        for slices in found.values()
    )
    if series is None:
        problem = f"{len(found)} DICOM series in this folder"
    else:
        problem = f"{len(matches) or 'no'} DICOM series in this folder {'are' if matches else 'is'} called {series!r}"
    raise ImageError(f"{folder}: {problem}:\n{listing}\nChoose one with series=, by its identifier or its description.")


def _stack(folder: Path, slices: Sequence[_Slice]) -> tuple[list[_Slice], float]:
    """Return the slices sorted along their normal and their distance in mm, or say why they are no upright stack."""
    first = slices[0]
    for one in slices:
        if len(one.position) != 3 or len(one.orientation) != 6:
            raise ImageError(
                f"{one.path}: no position or orientation in the header, so its place is unknown; remove it."
            )
        if one.size != first.size or np.abs(np.subtract(one.orientation, first.orientation)).max() > 1e-3:
            raise ImageError(
                f"{one.path}: size {one.size} and orientation {one.orientation} differ from those of "
                f"{first.path.name}, {first.size} and {first.orientation}; move such slices (often scouts) out of the "
                "folder."
            )
    normal = np.cross(first.orientation[:3], first.orientation[3:])
    places = np.array([one.position for one in slices]) @ normal
    order = np.argsort(places, kind="stable")
    ordered, heights = [slices[k] for k in order], places[order]
    gaps = np.diff(heights)
    usual = float(np.median(gaps))
    repeated = np.flatnonzero(gaps < 0.01 * max(usual, 1e-3))
    if repeated.size:
        one, other = ordered[repeated[0]], ordered[repeated[0] + 1]
        raise ImageError(
            f"{folder}: {repeated.size} slices lie where another one lies, the first {other.path.name} on "
            f"{one.path.name}: several volumes (phases, echoes, repeats) in one series. Move all but one volume out of "
            "the folder."
        )
    uneven = np.flatnonzero(np.abs(gaps - usual) > _GAP_TOLERANCE * usual)
    if uneven.size:
        at = uneven[0]
        raise ImageError(
            f"{folder}: slices are missing or unevenly spaced: {gaps[at]:.4g} mm between {ordered[at].path.name} and "
            f"{ordered[at + 1].path.name}, usually {usual:.4g} mm ({uneven.size} of {gaps.size} distances differ by "
            "more than 1 %). Fetch the missing slices, or resample the series to even spacing first."
        )
    _refuse_tilt(folder, ordered, normal)
    return ordered, float(heights[-1] - heights[0]) / gaps.size


def _refuse_tilt(folder: Path, ordered: Sequence[_Slice], normal: np.ndarray) -> None:
    way = np.subtract(ordered[-1].position, ordered[0].position)
    along = float(way @ normal)
    tilt = math.degrees(math.atan2(float(np.linalg.norm(way - along * normal)), along))
    if tilt > _TILT_TOLERANCE:
        raise ImageError(
            f"{folder}: the slices are stacked at {tilt:.1f}° to their normal (gantry tilt), so the voxels are no "
            "rectangular grid. Correct the tilt by resampling first, for instance with dcm2niix."
        )


def _read(slices: Sequence[_Slice], distance: float | None) -> sitk.Image:
    """Read slices in the order given, ``distance`` mm apart; None takes a single slice's thickness."""
    reader = sitk.ImageSeriesReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileNames([str(one.path) for one in slices])
    # Otherwise the type of the first slice, after its own rescaling, would cut off the fractions of later slices.
    if len({one.rescale for one in slices}) > 1 or any(not number.is_integer() for number in slices[0].rescale):
        reader.SetOutputPixelType(sitk.sitkFloat64)
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise ImageError(
            f"{slices[0].path.parent}: the voxels of the DICOM series could not be read (first file "
            f"{slices[0].path.name}); a file is damaged, or compressed in a way that is not supported. "
            "Copy or decompress the series again."
        ) from error
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise ImageError(
            f"{slices[0].path}: {image.GetNumberOfComponentsPerPixel()} components per voxel (colour); an image has "
            "one. Give the original series instead of a screenshot or overlay."
        )
    thickness = slices[0].thickness[0] if slices[0].thickness and slices[0].thickness[0] > 0 else 1.0
    # SimpleITK would take the distance of the first two slices, which is more rounded than the mean distance.
    image.SetSpacing((*image.GetSpacing()[:2], thickness if distance is None else distance))
    return image
