"""Bad input, kind by kind: each is a named error that says how to mend it, or a value that the definitions give.

Never a crash, a hang, a warning of NumPy, or a wrong number: every row below is extracted with all families, and
whatever is NaN says why.
"""

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from bayesrg.errors import BayesrgError, GeometryError, ImageError, RegionError, SettingsError
from bayesrg.radiomics import FEATURES, Settings, extract
from bayesrg.settings import from_dict

from .conftest import make_image

NAN = float("nan")
SHEARED = (1.0, 0.3, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
OBLIQUE = tuple(np.linalg.qr(np.array([[1.0, 0.2, 0.1], [-0.3, 1.0, 0.2], [0.1, -0.2, 1.0]]))[0].ravel())
SEGMENTATION = b"1.2.840.10008.5.1.4.1.1.66.4"
CONTOURS = b"1.2.840.10008.5.1.4.1.1.481.3"


@dataclass(frozen=True)
class Row:
    """One kind of input, and what must become of it.

    Attributes
    ----------
    make
        Given an empty folder, returns image and mask: SimpleITK images or paths.
    error, message
        Type and fragment (regular expression) of the error; None where there are values.
    values
        Value of features, by name; NaN where the definition has none.
    settings
        Sections that differ from the defaults.
    options
        Keyword arguments of `extract`.
    """

    make: Callable[[Path], tuple]
    error: type[BayesrgError] | None = None
    message: str = ""
    values: dict[str, float] = field(default_factory=dict)
    settings: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)


def block(size: int = 6) -> np.ndarray:
    """Return a mask [z, y, x] with a block in its middle."""
    mask = np.zeros((size, size, size), dtype=np.uint8)
    mask[2:-2, 2:-2, 2:-2] = 1
    return mask


def noise(size: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, 20, (size, size, size)).astype(np.float32)


def pair(image=None, mask=None, **geometry) -> Callable[[Path], tuple]:
    """Return a maker of an image and a mask in memory; a geometry is both of theirs."""
    made = make_image(noise() if image is None else image), make_image(block() if mask is None else mask)
    for one in made:
        for name, value in geometry.items():
            getattr(one, f"Set{name.capitalize()}")(value)
    return lambda _: made


def moved(**geometry) -> Callable[[Path], tuple]:
    """Return a maker of an image and a mask that differ in their geometry."""
    image, mask = make_image(noise()), make_image(block())
    for name, value in geometry.items():
        getattr(mask, f"Set{name.capitalize()}")(value)
    return lambda _: (image, mask)


def voxels(places: dict[tuple[int, int, int], float], shape=(5, 5, 5), background: float = 0.0):
    """Return a maker of an image with a region of some voxels, given as {[z, y, x]: intensity}."""
    image, mask = np.full(shape, background), np.zeros(shape, dtype=np.uint8)
    for place, value in places.items():
        image[place], mask[place] = value, 1
    return pair(image, mask)


def written(name: str, content: bytes | None = None, *, cut: float = 1.0, mask: bool = False, image=None):
    """Return a maker of a file: given bytes, or an image written and then cut to a part of its bytes."""

    def make(folder: Path) -> tuple:
        path = folder / name
        if content is None:
            sitk.WriteImage(make_image(noise(24)) if image is None else image, path)
            whole = path.read_bytes()
            path.write_bytes(whole[: int(cut * len(whole))])
        else:
            path.write_bytes(content)
        return (make_image(noise()), path) if mask else (path, make_image(block()))

    return make


def damaged_nifti(**fields: tuple[int, bytes]):
    """Return a maker of a NIfTI file with other bytes at given places of its header."""

    def make(folder: Path) -> tuple:
        path = folder / "image.nii"
        sitk.WriteImage(make_image(noise()), path)
        whole = bytearray(path.read_bytes())
        for place, data in fields.values():
            whole[place : place + len(data)] = data
        path.write_bytes(whole)
        return path, make_image(block())

    return make


def nrrd(directions: str, sizes: str = "6 6 6") -> bytes:
    head = (
        f"NRRD0004\ntype: float\ndimension: 3\nspace: left-posterior-superior\nsizes: {sizes}\n"
        f"space directions: {directions}\nkinds: domain domain domain\nendian: little\nencoding: raw\n"
        "space origin: (0,0,0)\n\n"
    )
    return head.encode() + noise().tobytes()


def metaimage(spacing: str = "1 1 1", size: str = "6 6 6") -> bytes:
    head = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = False\n"
        f"TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = {spacing}\nDimSize = {size}\n"
        "ElementType = MET_FLOAT\nElementDataFile = LOCAL\n"
    )
    return head.encode() + noise().tobytes()


def dicom_object(kind: bytes) -> bytes:
    """Return the beginning of a DICOM file of some storage class."""
    return bytes(128) + b"DICM" + b"\x02\x00\x02\x00UI" + len(kind).to_bytes(2, "little") + kind + bytes(64)


def folder_of(**files: bytes) -> Callable[[Path], tuple]:
    def make(folder: Path) -> tuple:
        (folder / "series").mkdir()
        for name, content in files.items():
            (folder / "series" / name).write_bytes(content)
        return folder / "series", make_image(block())

    return make


def float32(*numbers: float) -> bytes:
    return np.array(numbers, "<f4").tobytes()


def stacked(count: int) -> sitk.Image:
    return sitk.JoinSeries([make_image(noise(6, seed)) for seed in range(count)])


def with_intensity(value: float, place=(3, 3, 3)) -> Callable[[Path], tuple]:
    image = noise().astype(np.float64)
    image[place] = value
    return pair(image)


def spread(mask: np.ndarray, value: float) -> np.ndarray:
    """Return noise that is another value outside the region."""
    return np.where(mask == 1, noise(mask.shape[0]), value)


PET = {"resegmentation": {"range": [0, float("inf")]}}
BINS_OF_HALF = {"discretisation": {"method": "fixed_bin_size", "width": 0.5, "minimum": 0}}
INTERPOLATED = {"interpolation": {"spacing": [0.7, 0.7, 0.7]}}
ONE = {
    "statistics_mean": 7,
    "statistics_variance": 0,
    "statistics_skewness": 0,
    "statistics_excess_kurtosis": 0,
    "statistics_kurtosis": NAN,
    "statistics_energy": 49,
    "histogram_mean": 1,
    "histogram_entropy": 0,
    "histogram_maximum_gradient": NAN,
    "intensity_volume_histogram_volume_at_intensity_fraction_50": NAN,
    "glcm_contrast_3d_merged": NAN,
    "glszm_zone_percentage_3d": 1,
    "gldzm_small_distance_emphasis_3d": 1,
    "ngtdm_coarseness_3d": NAN,
    "ngldm_dependence_count_entropy_3d": 0,
    # The mesh of a voxel is an octahedron.
    "morphology_volume_mesh": 1 / 6,
    "morphology_surface_area_mesh": 3**0.5,
    "morphology_maximum_3d_diameter": 1,
    "morphology_major_axis_length": 0,
    "morphology_elongation": NAN,
    "morphology_morans_i_index": NAN,
}
FLAT = {
    "statistics_variance": 0,
    "histogram_entropy": 0,
    "glcm_joint_maximum_3d_merged": 1,
    "glcm_correlation_3d_merged": NAN,
    "glszm_zone_size_entropy_3d": 0,
    "ngtdm_coarseness_3d": 1e6,  # the value that IBSI sets where all differences are zero
    "ngtdm_contrast_3d": 0,
    "ngldm_grey_level_variance_3d": 0,
    "morphology_morans_i_index": NAN,
}
OF_BLOCK = {
    "statistics_mean": float(noise()[block() == 1].mean()),
    "statistics_maximum": float(noise()[2:4, 2:4, 2:4].max()),
}
LADDER = {(2, 2, x): float(x) for x in range(5)}

ROWS: dict[str, Row] = {
    # Files
    "a file that is missing": Row(lambda f: (f / "a.nii", f / "b.nii"), ImageError, "a.nii: there is no such file"),
    "an empty file": Row(written("image.nii.gz", b""), ImageError, "image.nii.gz: the file is empty"),
    "text called NIfTI": Row(written("image.nii", b"intensity 5\n" * 99), ImageError, "no NIfTI-1 header"),
    "a picture": Row(written("image.png", b"\x89PNG\r\n\x1a\n" + bytes(64)), ImageError, "not a readable image"),
    "a table": Row(written("image.csv", b"a,b\n1,2\n"), ImageError, "not a readable image; expected"),
    "a NIfTI file cut short": Row(written("image.nii", cut=0.5), ImageError, r"cut short: \d+ of \d+ bytes"),
    "a NIfTI header cut short": Row(written("image.nii", cut=0.005), ImageError, "no NIfTI-1 header; the file is cut"),
    "a gzipped file cut short": Row(written("image.nii.gz", cut=0.5), ImageError, "decompression failed"),
    "a gzip file of something else": Row(
        written("image.nii.gz", gzip.compress(b"no image" * 99, mtime=0)), ImageError, "no NIfTI-1 header"
    ),
    "a gzip file that is damaged": Row(
        written("image.nii.gz", gzip.compress(bytes(9999), mtime=0)[:-8] + bytes(8)),
        ImageError,
        "no NIfTI-1 header|damaged",
    ),
    "an NRRD file cut short": Row(written("image.nrrd", cut=0.5), ImageError, "NRRD file could not be read"),
    "a MetaImage file cut short": Row(written("image.mha", cut=0.5), ImageError, "MetaImage file could not be read"),
    "a size of zero": Row(written("image.mha", metaimage(size="0 6 6")), ImageError, "no voxels: the header"),
    "a size beyond the memory": Row(
        written("image.nrrd", nrrd("(1,0,0) (0,1,0) (0,0,1)", "90000 90000 90000")), ImageError, "could not be read"
    ),
    "no spacing in NIfTI": Row(
        damaged_nifti(spacing=(80, float32(0, 1, 1))), ImageError, "voxel spacing of 0 mm, where a positive number"
    ),
    "NaN for a spacing in NIfTI": Row(damaged_nifti(spacing=(84, float32(NAN))), ImageError, "voxel spacing of nan mm"),
    "no spacing in NRRD": Row(
        written("image.nrrd", nrrd("(0,0,0) (0,1,0) (0,0,1)")), ImageError, "spacing .* to .0, 1"
    ),
    "no spacing in MetaImage": Row(written("image.mha", metaimage("0 1 1")), ImageError, "spacing .* to .0, 1"),
    "two axes of one direction": Row(
        written("image.nrrd", nrrd("(1,0,0) (1,0,0) (0,0,1)")), ImageError, "could not be read; it is damaged"
    ),
    "sheared axes in NIfTI": Row(
        damaged_nifti(
            codes=(252, np.array([0, 1], "<i2").tobytes()), rows=(280, float32(1, 0.3, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0))
        ),
        ImageError,
        "orthonormal",
    ),
    "colour": Row(
        written("image.nrrd", image=sitk.Compose([make_image(block())] * 3)), ImageError, "3 components per voxel"
    ),
    "complex numbers": Row(
        written("image.nrrd", image=sitk.GetImageFromArray(noise().astype(np.complex64))), ImageError, "complex voxels"
    ),
    "four dimensions": Row(
        written("image.nrrd", image=stacked(3)), ImageError, r"4 dimensions of sizes \[6, 6, 6, 3\]"
    ),
    "a folder without files": Row(folder_of(), ImageError, "no DICOM image in this folder; it holds no file"),
    "a folder without DICOM": Row(folder_of(a=b"text"), ImageError, "no DICOM image in this folder; its files are a"),
    "a DICOM file cut short": Row(
        folder_of(a=bytes(128) + b"DICM" + bytes(16)), ImageError, "not a readable DICOM image|no position"
    ),
    "a DICOM segmentation as a mask": Row(
        written("seg.dcm", dicom_object(SEGMENTATION), mask=True), ImageError, "DICOM SEG .* does not read. Convert it"
    ),
    "DICOM contours as a mask": Row(
        written("rt.dcm", dicom_object(CONTOURS), mask=True), ImageError, "DICOM RTSTRUCT .* does not read. Convert it"
    ),
    "a mask of fractions": Row(
        written("mask.nii", image=make_image(0.5 * block()), mask=True),
        ImageError,
        "holds integer labels, .* holds 0.5",
    ),
    "the image given as mask": Row(
        written("mask.nii", image=make_image(noise()), mask=True), ImageError, "holds integer labels"
    ),
    # Geometry
    "another size": Row(pair(mask=block(7)), GeometryError, "of different sizes"),
    "another spacing": Row(
        moved(spacing=(1.0, 1.0, 1.2)), GeometryError, "(?s)does not lie on the image's grid.*spacing"
    ),
    "another origin": Row(moved(origin=(0.5, 0.0, 0.0)), GeometryError, "(?s)origin .*<- differs.*resample_mask=True"),
    "another direction": Row(moved(direction=OBLIQUE), GeometryError, "(?s)direction .*<- differs"),
    "an axis the other way": Row(
        moved(direction=(-1, 0, 0, 0, 1, 0, 0, 0, 1)), GeometryError, "does not lie on the image's grid"
    ),
    "sheared axes": Row(pair(direction=SHEARED), GeometryError, "not at right angles.*Resample image and mask"),
    "sheared axes in NRRD": Row(
        written("image.nrrd", nrrd("(1,0,0) (0.3,1,0) (0,0,1)")), GeometryError, "The image's axes are not at right"
    ),
    "a mask elsewhere": Row(
        moved(origin=(50.0, 0.0, 0.0)), RegionError, "the two do not overlap", options={"resample_mask": True}
    ),
    "colour in memory": Row(
        lambda _: (sitk.Compose([make_image(noise())] * 3), make_image(block())),
        GeometryError,
        "3 components per voxel",
    ),
    "four dimensions in memory": Row(lambda _: (stacked(3), make_image(block())), GeometryError, "4 dimensions"),
    # Labels
    "an empty mask": Row(pair(mask=0 * block()), RegionError, "The mask is empty"),
    "an absent label": Row(
        pair(), RegionError, r"Label 3 is not in the mask, which holds 1 \(8 voxels\)", options={"label": 3}
    ),
    "the background as a label": Row(pair(), RegionError, "0 is the background", options={"label": 0}),
    "several labels and none chosen": Row(
        pair(mask=block() + np.eye(6, dtype=np.uint8)), RegionError, "several labels: 1 .*Choose one with label="
    ),
    # Intensities
    "NaN in the region": Row(
        with_intensity(NAN), RegionError, r"holds 1 NaN or infinite .* at \[z, y, x\] = \[3, 3, 3\]"
    ),
    "infinity in the region": Row(with_intensity(-np.inf), RegionError, "holds 1 NaN or infinite intensities in 8"),
    "NaN that interpolation reaches": Row(
        with_intensity(NAN, (1, 2, 2)), RegionError, "interpolated region holds .* NaN", settings=INTERPOLATED
    ),
    "NaN beside a spline": Row(
        with_intensity(NAN, (0, 0, 0)),
        RegionError,
        'use image = "linear"',
        settings={"interpolation": {"spacing": [0.7, 0.7, 0.7], "image": "cubic_bspline"}},
    ),
    "a huge range with small bins": Row(
        with_intensity(1e6),
        SettingsError,
        "give a larger width",
        settings={"discretisation": {"method": "fixed_bin_size", "width": 0.01}},
    ),
    "a range beyond whole numbers": Row(
        with_intensity(1e30),
        RegionError,
        "give a larger width",
        settings={"discretisation": {"method": "fixed_bin_size", "width": 0.01}},
    ),
    "bins beyond reason": Row(
        pair(),
        SettingsError,
        "1000000 is the most",
        settings={"discretisation": {"method": "fixed_bin_number", "number": 2_000_000_000}},
    ),
    "intensities beyond squaring": Row(with_intensity(1e200), RegionError, "too large"),
    "negative uptake below level 1": Row(
        with_intensity(-0.2), RegionError, "-0.2, lies below the lower edge of grey level 1", settings=BINS_OF_HALF
    ),
    "only negative uptake": Row(
        pair(-noise()), RegionError, "leaves none of the region's 8 voxels", settings={**PET, **BINS_OF_HALF}
    ),
    "normalisation of a constant": Row(
        pair(np.full((6, 6, 6), 7.0)),
        RegionError,
        "divides by a standard deviation",
        settings={"normalisation": {"method": "z_score"}},
    ),
    # Grids
    "a region lost by interpolation": Row(
        voxels({(2, 2, 2): 7.0}),
        RegionError,
        "vanish on the interpolated",
        settings={"interpolation": {"spacing": [3] * 3}},
    ),
    "a spacing that fills the memory": Row(
        pair(), RegionError, "give a coarser spacing", settings={"interpolation": {"spacing": [1e-3] * 3}}
    ),
    # Values
    "one voxel": Row(voxels({(2, 2, 2): 7.0}), values=ONE),
    "one voxel in the image's corner": Row(voxels({(0, 0, 0): 7.0}), values=ONE),
    "an image of one voxel": Row(voxels({(0, 0, 0): 7.0}, shape=(1, 1, 1)), values=ONE),
    "an image of one voxel, interpolated": Row(
        voxels({(0, 0, 0): 7.0}, shape=(1, 1, 1)),
        values={"statistics_mean": 7, "statistics_energy": 8 * 49, **FLAT},
        settings={"interpolation": {"spacing": [0.5, 0.5, 0.5]}},
    ),
    "one line": Row(
        voxels(LADDER),
        values={
            "statistics_mean": 2,
            "statistics_variance": 2,
            "statistics_skewness": 0,
            "histogram_median": 17,
            # 32 bins over [0, 4] put the steps at levels 1, 9, 17, 25 and 32.
            "glcm_contrast_3d_merged": (3 * 64 + 49) / 4,
            "glcm_joint_entropy_3d_merged": 3,
            "glszm_zone_percentage_3d": 1,
            "ngldm_dependence_count_energy_3d": 0.2,
            "local_intensity_global_peak": 10 / 125,
            "morphology_volume_mesh": 13 / 6,
            "morphology_maximum_3d_diameter": 5,
            "morphology_flatness": 0,
            "morphology_centre_of_mass_shift": 1,
            "morphology_volume_density_oriented_minimum_bounding_box": 13 / 15,
            "morphology_volume_density_approximate_enclosing_ellipsoid": NAN,
        },
    ),
    "one slice": Row(
        pair(noise()[2:3], block()[2:3]),
        values={
            "statistics_mean": float(noise()[2, 2:4, 2:4].mean()),
            "statistics_minimum": float(noise()[2, 2:4, 2:4].min()),
        },
    ),
    "constant intensity": Row(pair(np.full((6, 6, 6), -3.5)), values={"statistics_mean": -3.5, **FLAT}),
    "constant intensity that is no binary fraction": Row(
        pair(np.full((6, 6, 6), 0.1)),
        values={"statistics_mean": 0.1, **FLAT},
        settings={"resegmentation": {"outlier_sigma": 3}},
    ),
    "two voxels that do not touch": Row(
        voxels({(0, 0, 0): 1.0, (4, 4, 4): 3.0}),
        values={
            "statistics_mean": 2,
            "statistics_variance": 1,
            "glcm_contrast_3d_merged": NAN,
            "glszm_zone_percentage_3d": 1,
            "ngtdm_coarseness_3d": NAN,
            "morphology_volume_mesh": 2 / 6,
            "morphology_morans_i_index": -1,
        },
    ),
    "parts that do not touch": Row(
        voxels({**LADDER, (0, 0, 0): 4.0, (0, 0, 1): 4.0, (4, 4, 4): 0.0}),
        values={"statistics_mean": 18 / 8, "glcm_contrast_3d_merged": (3 * 64 + 49) / 5},
    ),
    "NaN outside the region": Row(pair(spread(block(), NAN)), values=OF_BLOCK),
    "infinity outside the region": Row(pair(spread(block(), np.inf)), values=OF_BLOCK),
    "NaN outside, beyond what interpolation reaches": Row(
        pair(np.where(np.indices((6, 6, 6)).max(axis=0) == 0, NAN, 5.0)),
        values={"statistics_mean": 5, **FLAT},
        settings=INTERPOLATED,
    ),
    "a region that fills the image": Row(
        pair(mask=np.ones((6, 6, 6), dtype=np.uint8)),
        values={
            "statistics_mean": float(noise().mean(dtype=np.float64)),
            "morphology_volume_voxel_counting": 216,
            "morphology_volume_density_convex_hull": 1,
        },
    ),
    "negative uptake without a minimum": Row(
        voxels({(2, 2, 2): -0.2, (2, 2, 3): 0.3, (2, 3, 3): 1.1}),
        values={"statistics_minimum": -0.2, "histogram_mean": (1 + 2 + 3) / 3},
        settings={"discretisation": {"method": "fixed_bin_size", "width": 0.5}},
    ),
    "negative uptake that is re-segmented": Row(
        voxels({(2, 2, 2): -0.2, (2, 2, 3): 0.3, (2, 3, 3): 1.1}),
        values={"statistics_minimum": 0.3, "histogram_mean": 2},
        settings={**PET, **BINS_OF_HALF},
    ),
    "a large offset": Row(
        voxels({place: 1e9 + value for place, value in LADDER.items()}),
        values={"statistics_mean": 1e9 + 2, "statistics_variance": 2, "statistics_skewness": 0},
    ),
    "tiny intensities": Row(
        voxels({place: 1e-30 * value for place, value in LADDER.items()}),
        values={
            "statistics_mean": 2e-30,
            "statistics_variance": 2e-60,
            "statistics_skewness": 0,
            "histogram_median": 17,
        },
    ),
    "a label of 255": Row(pair(mask=255 * block()), values=OF_BLOCK),
    "a negative label": Row(pair(mask=-1 * block().astype(np.int16)), values=OF_BLOCK, options={"label": -1}),
    "a label beyond 16 bits": Row(pair(mask=100_000 * block().astype(np.int64)), values=OF_BLOCK),
    "labels as floating-point numbers": Row(
        written("mask.nii", image=make_image(2.0 * block()), mask=True), values=OF_BLOCK, options={"label": 2}
    ),
    **{
        f"intensities of type {dtype}": Row(
            pair(noise().astype(dtype)),
            values={"statistics_mean": float(noise().astype(dtype)[block() == 1].mean(dtype=np.float64))},
        )
        for dtype in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
    },
    "slices a hundred times as thick as pixels": Row(
        pair(spacing=(0.1, 0.1, 10.0)),
        values={
            **OF_BLOCK,
            "morphology_volume_voxel_counting": 0.8,
            "morphology_volume_mesh": 0.1 * 17 / 3,
            "morphology_maximum_3d_diameter": (20**2 + 0.1**2 + 0.1**2) ** 0.5,
            "morphology_elongation": 0.01,
        },
    ),
    "slices a hundred times as thick, interpolated": Row(
        pair(np.full((6, 6, 6), 5.0), spacing=(0.1, 0.1, 10.0)),
        values={"statistics_mean": 5, "statistics_energy": 25 * 2 * 2 * 20},
        settings={"interpolation": {"spacing": ["keep", "keep", 1.0]}},
    ),
    "oblique axes": Row(
        pair(direction=OBLIQUE),
        values={**OF_BLOCK, "morphology_volume_mesh": 17 / 3, "morphology_maximum_3d_diameter": 6**0.5},
    ),
    "left-handed axes": Row(pair(direction=(1, 0, 0, 0, 1, 0, 0, 0, -1)), values=OF_BLOCK),
    "an origin far away": Row(pair(origin=(1e7, -1e7, 1e7)), values=OF_BLOCK),
    "a mask that is resampled": Row(moved(origin=(0.2, 0.2, 0.2)), values=OF_BLOCK, options={"resample_mask": True}),
    "a mask half outside the image": Row(
        moved(origin=(-3.0, 0.0, 0.0)),
        values={"statistics_mean": float(noise()[2:4, 2:4, 0:1].mean())},
        options={"resample_mask": True},
    ),
}


def test_there_are_enough_kinds():
    assert sum(row.error is not None for row in ROWS.values()) >= 30
    assert sum(row.error is None for row in ROWS.values()) >= 20


@pytest.mark.parametrize("kind", [kind for kind, row in ROWS.items() if row.error])
def test_what_cannot_be_measured_is_an_error_with_the_mend(kind, tmp_path):
    row = ROWS[kind]
    assert row.error is not None
    with pytest.raises(row.error, match=row.message) as problem:
        extract(*row.make(tmp_path), from_dict(Settings, row.settings), **row.options)
    assert type(problem.value) is row.error
    assert len(str(problem.value)) > 40


@pytest.mark.parametrize("kind", [kind for kind, row in ROWS.items() if not row.error])
def test_what_can_be_measured_has_the_value_of_the_definition(kind, tmp_path):
    row = ROWS[kind]
    found = extract(*row.make(tmp_path), from_dict(Settings, row.settings), **row.options)
    value = found["value"]
    for name, expected in row.values.items():
        assert name in FEATURES
        np.testing.assert_allclose(value.sel(feature=name), expected, rtol=1e-6, atol=1e-75, err_msg=name)
    for name, number, reason in zip(found.feature.values, value.values, found.reason.values, strict=True):
        assert bool(reason) == bool(np.isnan(number)), (name, number, reason)
        assert not np.isinf(number), name
