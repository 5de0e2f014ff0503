"""The voxels of NIfTI-1 files, read with NumPy because SimpleITK makes zeros of NaN and noise of what is cut off.

Both happen without a word, so that missing values would look like background and missing slices like tissue. Geometry
is SimpleITK's affair all the same (`bayesrg.imaging.read`). Source: the NIfTI-1 header as its C definition documents it
(nifti1.h, https://nifti.nimh.nih.gov/nifti-1).
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bayesrg.errors import ImageError

_PAIR = re.compile(r"\.(hdr|img)(\.gz)?$")
_TYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}


@dataclass(frozen=True)
class NiftiHeader:
    """What is needed to read the voxels of a file.

    Attributes
    ----------
    voxels
        The file that holds them: the header's own, or the other half of a pair.
    offset
        Byte at which they start.
    shape
        Number of voxels along each axis, slowest first: ``[…, z, y, x]``.
    type
        Their type and byte order; None for colour, complex numbers and extended precision.
    slope, intercept
        Intensity is slope × stored + intercept; 1 and 0 where the file states none.
    """

    voxels: Path
    offset: int
    shape: tuple[int, ...]
    type: np.dtype | None
    slope: float
    intercept: float


def is_called_nifti(path: Path) -> bool:
    """Say whether the file's name ends as those of NIfTI files do (``.nii``, ``.nii.gz``, ``.hdr``, ``.img``)."""
    return path.name.endswith((".nii", ".nii.gz")) or _PAIR.search(path.name) is not None


def read_nifti_header(path: Path) -> NiftiHeader:
    """Return the header of a NIfTI-1 file, or of the pair of files that ``path`` is one half of.

    Raises
    ------
    ImageError
        If there is none, or it is damaged or one of NIfTI-2 or Analyze, or the other half is missing.
    """
    paired = _PAIR.search(path.name) is not None
    start = _find_half(path, "hdr") if paired else path
    head = _read_bytes(start, 348)
    order = next((sign for sign in "<>" if len(head) == 348 and struct.unpack(f"{sign}i", head[:4])[0] == 348), None)
    if order is None and head[4:7] in (b"n+2", b"ni2"):
        raise ImageError(f"{start}: a NIfTI-2 file, which SimpleITK does not read. Export it as NIfTI-1 or NRRD.")
    if order is None or head[344:348] not in (b"n+1\0", b"ni1\0"):
        raise ImageError(
            f"{start}: no NIfTI-1 header; the file is cut short, damaged or something else (Analyze files state no "
            "orientation). Copy it again, or export it as NIfTI-1."
        )
    dims = struct.unpack(f"{order}8h", head[40:56])
    widths = struct.unpack(f"{order}8f", head[76:108])
    # SimpleITK would take 1 mm instead. Where there is one voxel (flat images), writers leave the width at 0.
    unknown = [width for size, width in zip(dims[1:4], widths[1:4], strict=True) if size > 1 and not width > 0]
    if unknown and dims[0] >= 1:
        raise ImageError(
            f"{start}: the header gives a voxel spacing of {unknown[0]:g} mm, where a positive number is due; "
            "distances and volumes are unknown. Export it again, or correct the header's pixdim."
        )
    slope, intercept = struct.unpack(f"{order}2f", head[112:120])
    if not math.isfinite(slope) or slope == 0:
        slope, intercept = 1.0, 0.0
    code = struct.unpack(f"{order}h", head[70:72])[0]
    offset = struct.unpack(f"{order}f", head[108:112])[0]
    if not (0 if paired else 352) <= offset < 2**31:
        raise ImageError(
            f"{start}: the header puts the voxels at byte {offset:g}, where they cannot be; it is damaged. "
            "Export it again."
        )
    return NiftiHeader(
        voxels=_find_half(path, "img") if paired else path,
        offset=int(offset),
        shape=tuple(max(1, size) for size in dims[dims[0] : 0 : -1]),
        type=np.dtype(f"{order}{_TYPES[code]}") if code in _TYPES else None,
        slope=slope,
        intercept=intercept if math.isfinite(intercept) else 0.0,
    )


def read_nifti_voxels(header: NiftiHeader) -> np.ndarray:
    """Return the intensities ``[…, z, y, x]``: in the file's own type, or float64 where they are rescaled.

    Raises
    ------
    ImageError
        If bytes are missing, with both numbers, or the compressed file is damaged, or the type is no real number.
    """
    if header.type is None:
        raise ImageError(
            f"{header.voxels}: voxels of colour, complex numbers or extended precision. Save one real number per voxel."
        )
    content = _read_bytes(header.voxels)
    count = math.prod(header.shape)
    expected = header.offset + count * header.type.itemsize
    if len(content) < expected:
        raise ImageError(
            f"{header.voxels}: cut short: {len(content)} of {expected} bytes (uncompressed) are there. "
            "Copy or export it again."
        )
    stored = np.frombuffer(content, header.type, count, header.offset).reshape(header.shape)
    if (header.slope, header.intercept) == (1.0, 0.0):
        return stored.astype(header.type.newbyteorder("="), copy=False)
    return stored * np.float64(header.slope) + header.intercept


def _find_half(path: Path, suffix: str) -> Path:
    """Return the header or the voxels of a pair of files, whichever of the two ``path`` is."""
    name = _PAIR.sub(f".{suffix}", path.name)
    for half in (path.with_name(name), path.with_name(name + ".gz")):
        if half.is_file():
            return half
    raise ImageError(f"{path}: its other half, {name}, should lie beside it but is missing; add it.")


def _read_bytes(path: Path, count: int = -1) -> bytes:
    """Return the first bytes of a file, or all, uncompressed; reading all checks the checksum of a compressed one."""
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            file.seek(0)
            return file.read(count)
    with gzip.open(path) as file:
        try:
            return file.read(count)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ImageError(
                f"{path}: cut short or damaged: decompression failed ({error}). Copy or export it again."
            ) from error
