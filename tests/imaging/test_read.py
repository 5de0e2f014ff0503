"""Readers: what was written comes back with its place in space, and what is damaged or unfit is named with the mend."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from bayesrg.errors import ImageError, RegionError
from bayesrg.imaging import labels, read_image, read_mask, select_label

OBLIQUE = tuple(np.linalg.qr(np.array([[1.0, 0.2, 0.1], [-0.3, 1.0, 0.2], [0.1, -0.2, 1.0]]))[0].ravel())
SUFFIXES = [".nii", ".nii.gz", ".hdr", ".nrrd", ".nhdr", ".mha", ".mhd"]


def make_volume(dtype=np.float32) -> sitk.Image:
    values = np.random.default_rng(1).normal(0, 300, size=(9, 17, 23)).astype(dtype)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((0.75, 1.5, 3.25))
    image.SetOrigin((-120.5, 33.25, 900.0))
    image.SetDirection(OBLIQUE)
    return image


def write(image: sitk.Image, path: Path, *, compress: bool = False) -> Path:
    sitk.WriteImage(image, str(path), compress)
    return path


def assert_same_image(found: sitk.Image, expected: sitk.Image) -> None:
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(expected))
    np.testing.assert_allclose(found.GetSpacing(), expected.GetSpacing(), rtol=1e-6)
    np.testing.assert_allclose(found.GetOrigin(), expected.GetOrigin(), rtol=1e-6)
    np.testing.assert_allclose(found.GetDirection(), expected.GetDirection(), atol=1e-6)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_every_format_comes_back(tmp_path: Path, suffix: str, dtype):
    image = make_volume(dtype)
    found = read_image(write(image, tmp_path / f"image{suffix}"))
    assert_same_image(found, image)
    assert found.GetPixelID() == image.GetPixelID()


def test_either_half_of_a_pair_names_the_image(tmp_path: Path):
    write(make_volume(), tmp_path / "image.hdr")
    assert_same_image(read_image(tmp_path / "image.img"), make_volume())


def edit_nifti(path: Path, values: np.ndarray, **fields: tuple[int, bytes]) -> Path:
    """Write a NIfTI-1 file by SimpleITK, then put other bytes at given places of its header."""
    sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
    content = bytearray(path.read_bytes())
    for place, data in fields.values():
        content[place : place + len(data)] = data
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("slope", "intercept", "expected"),
    [(0.1, 5.0, (0.1, 5.0)), (0.0, 5.0, (1, 0)), (np.nan, np.nan, (1, 0)), (2.0, np.nan, (2, 0)), (1.0, -3.0, (1, -3))],
)
def test_nifti_intensities_are_rescaled(tmp_path: Path, slope: float, intercept: float, expected):
    stored = np.arange(-12, 12, dtype=np.int16).reshape(2, 3, 4)
    path = edit_nifti(tmp_path / "image.nii", stored, scale=(112, np.array([slope, intercept], "<f4").tobytes()))
    found = sitk.GetArrayFromImage(read_image(path))
    np.testing.assert_allclose(found, stored * float(np.float32(expected[0])) + expected[1], rtol=1e-12)


def test_nifti_of_the_other_byte_order(tmp_path: Path):
    stored = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    path = edit_nifti(tmp_path / "image.nii", stored)
    content = path.read_bytes()
    header = np.frombuffer(content[:348], dtype=HEADER).copy()
    swapped = header.byteswap().tobytes() + content[348:352] + stored.byteswap().tobytes()
    path.write_bytes(swapped)
    found = read_image(path)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), stored)
    assert found.GetSpacing() == (1.0, 1.0, 1.0)


# The fields of a NIfTI-1 header, as far as their byte order matters.
HEADER = np.dtype([("size", "i4"), ("a", "V28"), ("extents", "i4"), ("b", "V4"), ("dim", "i2", 8), ("intent", "f4", 3),
                   ("codes", "i2", 4), ("pixdim", "f4", 8), ("scale", "f4", 3), ("c", "V4"), ("cal", "f4", 4),
                   ("d", "i4", 2), ("text", "V104"), ("forms", "i2", 2), ("f", "f4", 18), ("e", "V20")])  # fmt: skip


def test_nifti_2_and_analyze_are_refused(tmp_path: Path):
    stored = np.zeros((2, 3, 4), dtype=np.int16)
    two = edit_nifti(tmp_path / "two.nii", stored, size=(0, (540).to_bytes(4, "little")), magic=(4, b"n+2\0"))
    with pytest.raises(
        ImageError, match=r"two\.nii: a NIfTI-2 file, which SimpleITK does not read\. Export it as NIfTI-1"
    ):
        read_image(two)
    analyze = edit_nifti(tmp_path / "old.hdr", stored, magic=(344, bytes(4)))
    with pytest.raises(ImageError, match=r"old\.hdr: no NIfTI-1 header; .*Analyze"):
        read_image(analyze)


@pytest.mark.parametrize("offset", [np.nan, np.inf, -4.0, 0.0, 1e30])
def test_nifti_voxels_that_start_nowhere(tmp_path: Path, offset: float):
    path = edit_nifti(tmp_path / "image.nii", np.zeros((2, 3, 4)), offset=(108, np.float32(offset).tobytes()))
    with pytest.raises(ImageError, match=r"image\.nii: the header puts the voxels at byte .* where they cannot be"):
        read_image(path)


def test_a_place_that_is_no_number(tmp_path: Path):
    nowhere = np.full(16, np.nan, dtype=np.float32).tobytes()
    path = edit_nifti(tmp_path / "image.nii", np.zeros((2, 3, 4)), places=(264, nowhere))
    with pytest.raises(
        ImageError, match=r"image\.nii: the header gives .* origin \(nan, nan, nan\) .* not all numbers"
    ):
        read_image(path)


def test_nifti_of_a_type_that_is_no_real_number(tmp_path: Path):
    path = edit_nifti(tmp_path / "image.nii", np.zeros((2, 3, 4)), code=(70, (128).to_bytes(2, "little")))
    with pytest.raises(ImageError, match=r"image\.nii: (3 components per voxel|voxels of colour)"):
        read_image(path)


def test_a_flat_image_becomes_a_volume_of_one_slice(tmp_path: Path):
    flat = sitk.GetImageFromArray(np.arange(12, dtype=np.float32).reshape(3, 4))
    flat.SetSpacing((0.5, 0.25))
    found = read_image(write(flat, tmp_path / "flat.mha"))
    assert (found.GetSize(), found.GetSpacing()) == ((4, 3, 1), (0.5, 0.25, 1.0))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found)[0], sitk.GetArrayFromImage(flat))


def test_a_fourth_dimension_of_one_is_dropped(tmp_path: Path):
    image = make_volume()
    image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, 1))
    found = read_image(write(sitk.JoinSeries([image]), tmp_path / "one.nrrd"))
    assert_same_image(found, image)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_holes_are_kept(tmp_path: Path, suffix: str):
    # SimpleITK's own reader would make zeros of them in NIfTI files.
    image = make_volume()
    for place, hole in enumerate((np.nan, np.inf, -np.inf)):
        image[place, 2, 3] = hole
    assert_same_image(read_image(write(image, tmp_path / f"holes{suffix}")), image)


def cut(content: bytes, share: float) -> bytes:
    return content[: int(len(content) * share)]


DAMAGE = {
    "empty": lambda content: b"",
    "header_only": lambda content: content[:100],
    "half": lambda content: cut(content, 0.5),
    "nearly_all": lambda content: cut(content, 0.97),
    "text": lambda content: b"subject,session,value\n" * 400,
    "two_bytes": lambda content: content[:2],
}


@pytest.mark.parametrize("damage", list(DAMAGE))
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_damaged_file_is_named(tmp_path: Path, suffix: str, damage: str):
    path = write(make_volume(), tmp_path / f"image{suffix}")
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(ImageError) as caught:
        read_image(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert any(mend in message for mend in ("opy", "xport"))


def test_missing_bytes_of_a_nifti_are_counted(tmp_path: Path):
    path = write(make_volume(), tmp_path / "image.nii")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(ImageError, match=rf"cut short: {len(whole) - 1} of {len(whole)} bytes"):
        read_image(path)


def test_a_gzip_file_of_several_members_is_complete(tmp_path: Path):
    path = write(make_volume(), tmp_path / "image.nii")
    content = path.read_bytes()
    joined = tmp_path / "joined.nii.gz"
    joined.write_bytes(gzip.compress(content[:500], mtime=0) + gzip.compress(content[500:], mtime=0))
    assert_same_image(read_image(joined), make_volume())
    joined.write_bytes(gzip.compress(content[:500], mtime=0) + gzip.compress(content[500:], mtime=0)[:-40])
    with pytest.raises(ImageError, match=r"joined\.nii\.gz: cut short"):
        read_image(joined)


@pytest.mark.parametrize(("suffix", "part"), [(".mhd", ".raw"), (".nhdr", ".raw"), (".hdr", ".img")])
def test_a_missing_data_file_is_an_error(tmp_path: Path, suffix: str, part: str):
    path = write(make_volume(), tmp_path / f"image{suffix}")
    (tmp_path / f"image{part}").unlink()
    with pytest.raises(ImageError, match=rf"image\{suffix}: .*(lacks its data file|its other half, image\.img)"):
        read_image(path)


def test_what_is_no_image_file(tmp_path: Path):
    with pytest.raises(ImageError, match=r"nowhere\.nii: there is no such file or folder"):
        read_image(tmp_path / "nowhere.nii")
    picture = write(sitk.Image([4, 4], sitk.sitkUInt8), tmp_path / "picture.png")
    with pytest.raises(ImageError, match=r"picture\.png: not a readable image; expected \.nii, \.nii\.gz"):
        read_image(picture)
    with pytest.raises(ImageError, match=r"series= chooses among the DICOM series of a folder, and this is a file"):
        read_image(write(make_volume(), tmp_path / "image.nii"), series="1.2.3")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            sitk.JoinSeries([sitk.Image([3, 4, 5], sitk.sitkInt16)] * 2),
            r"4 dimensions of sizes \[3, 4, 5, 2\]; .*three",
        ),
        (sitk.Image([3, 4, 5], sitk.sitkVectorFloat32, 3), r"3 components per voxel; an image or mask has one"),
        (
            sitk.Image([3, 4, 5], sitk.sitkComplexFloat32),
            r"complex voxels; save their magnitude",
        ),
    ],
)
def test_images_of_other_dimensions_are_refused(tmp_path: Path, image: sitk.Image, message: str):
    path = write(image, tmp_path / ("image.nrrd" if image.GetNumberOfComponentsPerPixel() > 1 else "image.nii"))
    with pytest.raises(ImageError, match=message):
        read_image(path)


def make_mask(values) -> sitk.Image:
    return sitk.GetImageFromArray(np.asarray(values).reshape(1, 2, -1))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_labels_are_counted_and_selected(tmp_path: Path, dtype):
    mask = read_mask(write(make_mask(np.array([0, 1, 1, 3, 3, 3, 0, 7], dtype=dtype)), tmp_path / "mask.nii.gz"))
    assert mask.GetPixelID() not in (sitk.sitkFloat32, sitk.sitkFloat64)
    assert labels(mask) == {1: 2, 3: 3, 7: 1}
    region = select_label(mask, 3)
    assert region.GetPixelID() == sitk.sitkUInt8
    assert list(sitk.GetArrayFromImage(region).ravel()) == [0, 0, 0, 1, 1, 1, 0, 0]


def test_large_and_negative_labels_are_labels():
    mask = make_mask(np.array([-2, -2, 0, 5, 70000, 0], dtype=np.int32))
    assert labels(mask) == {-2: 2, 5: 1, 70000: 1}
    assert list(sitk.GetArrayFromImage(select_label(mask, -2)).ravel()) == [1, 1, 0, 0, 0, 0]


def test_selecting_keeps_the_geometry():
    mask = make_volume(np.uint8)
    region = select_label(mask, int(sitk.GetArrayFromImage(mask).max()))
    assert (region.GetSpacing(), region.GetOrigin(), region.GetDirection()) == (
        mask.GetSpacing(), mask.GetOrigin(), mask.GetDirection(),
    )  # fmt: skip


def test_the_only_label_needs_no_name():
    mask = make_mask(np.array([0, 4, 4, 0], dtype=np.uint8))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(select_label(mask)), sitk.GetArrayFromImage(mask) == 4)


@pytest.mark.parametrize(
    ("values", "label", "message"),
    [
        ([0, 1, 1, 3], 2, r"Label 2 is not in the mask, which holds 1 \(2 voxels\), 3 \(1 voxels\)"),
        ([0, 1, 1, 3], 0, r"Label 0 \(0 is the background\) is not in the mask"),
        ([0, 1, 1, 3], 300, r"Label 300 is not in the mask"),
        ([0, 1, 1, 3], -1, r"Label -1 is not in the mask"),
        ([0, 1, 1, 3], None, r"several labels: 1 \(2 voxels\), 3 \(1 voxels\)\. Choose one with label="),
        ([0, 0, 0, 0], None, r"The mask is empty"),
        ([0, 0, 0, 0], 1, r"The mask is empty"),
    ],
)
def test_an_absent_label_lists_what_is_there(values, label, message):
    with pytest.raises(RegionError, match=message):
        select_label(make_mask(np.array(values, dtype=np.uint8)), label)


@pytest.mark.parametrize(("value", "shown"), [(0.5, "0.5"), (np.nan, "nan"), (np.inf, "inf"), (3e9, "3e+09")])
def test_a_mask_that_holds_no_labels_is_refused(tmp_path: Path, value: float, shown: str):
    path = write(make_mask(np.array([0.0, 1.0, value, 1.0])), tmp_path / "mask.nrrd")
    with pytest.raises(ImageError) as caught:
        read_mask(path)
    assert f"this one holds {shown} at [z, y, x] = [0, 1, 0] and 0 other such voxels" in str(caught.value)
