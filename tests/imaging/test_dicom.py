"""DICOM series: slices sorted by position, and every way in which a folder may hold no volume."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from bayesrg.errors import ImageError
from bayesrg.imaging import read_image, read_mask

CT = "1.2.840.10008.5.1.4.1.1.2"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
SEG = "1.2.840.10008.5.1.4.1.1.66.4"
AXIAL = (1, 0, 0, 0, 1, 0)
VALUES = np.random.default_rng(5).integers(-200, 1500, size=(6, 12, 14)).astype(np.int16)


def write_slice(path: Path, pixels, place, *, orientation=AXIAL, series="1.2.3.4", sop_class=CT, **elements) -> None:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = generate_uid(entropy_srcs=[str(path)])
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.Modality = series, "1.2.3", "CT"
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [float(p) for p in place], list(orientation)
    dataset.PixelSpacing, dataset.SliceThickness = [0.8, 0.7], 2.5
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 15, 1, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1000
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.PixelData = pixels.tobytes()
    path.parent.mkdir(exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def write_series(folder: Path, *, heights=None, orientation=AXIAL, shear=0.0, prefix="slice", **elements) -> Path:
    """Write VALUES slice by slice, files named against the order of their positions."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    normal = np.cross(row, column)
    heights = 2.5 * np.arange(len(VALUES)) if heights is None else heights
    for k, height in enumerate(heights):
        place = np.array([-10.0, -20.0, 5.0]) + height * normal + shear * height * column
        write_slice(folder / f"{prefix}{99 - k}.dcm", VALUES[k], place, orientation=orientation, **elements)
    return folder


def test_a_series_is_sorted_by_position_and_rescaled(tmp_path: Path):
    image = read_image(write_series(tmp_path / "ct"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), VALUES - 1000)
    np.testing.assert_allclose(image.GetSpacing(), (0.7, 0.8, 2.5))
    np.testing.assert_allclose(image.GetOrigin(), (-10, -20, 5))
    np.testing.assert_allclose(image.GetDirection(), np.eye(3).ravel())
    assert "integer" in image.GetPixelIDTypeAsString()


@pytest.mark.parametrize(
    "orientation",
    [(0, 1, 0, 0, 0, -1), (1, 0, 0, 0, 0, -1), tuple(np.linalg.qr([[1, 0.3], [0.2, 1], [0.1, -0.2]])[0].T.ravel())],
    ids=["sagittal", "coronal", "oblique"],
)
def test_any_orientation_keeps_its_place_in_space(tmp_path: Path, orientation):
    image = read_image(write_series(tmp_path / "ct", orientation=orientation))
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    expected = np.array([-10.0, -20.0, 5.0]) + 3 * 0.7 * row + 4 * 0.8 * column + 5 * 2.5 * np.cross(row, column)
    np.testing.assert_allclose(image.TransformIndexToPhysicalPoint((3, 4, 5)), expected, atol=1e-6)
    assert image[3, 4, 5] == VALUES[5, 4, 3] - 1000


def test_each_slice_has_its_own_slope(tmp_path: Path):
    slopes = [1.0, 1.5, 0.25, 3.3, 2.0, 0.0125]
    for k, slope in enumerate(slopes):
        place = (0, 0, 4.0 * k)
        write_slice(tmp_path / "pet" / f"{k}", VALUES[k], place, RescaleSlope=slope, RescaleIntercept=0, Modality="PT")
    values = sitk.GetArrayFromImage(read_image(tmp_path / "pet"))
    np.testing.assert_allclose(values, VALUES * np.reshape(slopes, (-1, 1, 1)), rtol=1e-12)


def test_whole_slopes_of_later_slices_do_not_overflow(tmp_path: Path):
    for k, slope in enumerate([1, 400]):
        write_slice(tmp_path / "pet" / f"{k}", VALUES[k], (0, 0, 4.0 * k), RescaleSlope=slope, RescaleIntercept=0)
    values = sitk.GetArrayFromImage(read_image(tmp_path / "pet"))
    np.testing.assert_array_equal(values, VALUES[:2] * np.array([1.0, 400.0]).reshape(2, 1, 1))


def test_other_files_in_the_folder_are_passed_over(tmp_path: Path):
    folder = write_series(tmp_path / "ct")
    (folder / "notes.txt").write_text("not a slice")
    (folder / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    write_slice(folder / "contours.dcm", VALUES[0], (0, 0, 0), sop_class=RTSTRUCT, series="1.2.3.9")
    assert read_image(folder).GetSize() == (14, 12, 6)


def test_one_slice(tmp_path: Path):
    write_slice(tmp_path / "ct" / "one.dcm", VALUES[0], (1, 2, 3), SliceThickness=5)
    for path in (tmp_path / "ct", tmp_path / "ct" / "one.dcm"):
        image = read_image(path)
        assert image.GetSize() == (14, 12, 1)
        np.testing.assert_allclose(image.GetSpacing(), (0.7, 0.8, 5.0))
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image)[0], VALUES[0] - 1000)


def test_a_mask_may_be_a_series(tmp_path: Path):
    folder = write_series(tmp_path / "mask", RescaleSlope=1, RescaleIntercept=0)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_mask(folder)), VALUES)


def test_several_series_are_listed_and_chosen(tmp_path: Path):
    folder = write_series(tmp_path / "ct", series="1.2.3.4", SeriesDescription="thorax")
    write_series(folder, heights=[0.0, 5.0, 10.0], prefix="other", series="1.2.3.5", SeriesDescription="scout")
    write_series(folder, heights=[0.0], prefix="third", series="1.2.3.6")
    with pytest.raises(ImageError, match=r"3 DICOM series in this folder:(.|\n)*Choose one with series=") as caught:
        read_image(folder)
    rows = [line.split() for line in str(caught.value).splitlines()[1:-1]]
    assert sorted(rows) == [
        ["1.2.3.4", "thorax", "6", "slices"],
        ["1.2.3.5", "scout", "3", "slices"],
        ["1.2.3.6", "(no", "description)", "1", "slices"],
    ]
    assert read_image(folder, series="1.2.3.4").GetSize() == (14, 12, 6)
    assert read_image(folder, series="scout").GetSize() == (14, 12, 3)
    with pytest.raises(ImageError, match=r"no DICOM series in this folder is called 'abdomen'"):
        read_image(folder, series="abdomen")


def test_an_ambiguous_description_is_no_choice(tmp_path: Path):
    folder = write_series(tmp_path / "ct", series="1.2.3.4", SeriesDescription="thorax")
    write_series(folder, prefix="other", series="1.2.3.5", SeriesDescription="thorax")
    with pytest.raises(ImageError, match=r"2 DICOM series in this folder are called 'thorax'"):
        read_image(folder, series="thorax")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"heights": [0, 2.5, 5, 10, 12.5]},
            r"missing or unevenly spaced: 5 mm between slice97.*usually 2\.5 mm \(1 of 4",
        ),
        ({"heights": [0, 2.5, 5.0, 7.6, 10.1]}, r"missing or unevenly spaced: 2\.6 mm between"),
        ({"heights": [0, 0, 2.5, 2.5, 5, 5]}, r"3 slices lie where another one lies.*several volumes"),
        ({"heights": [7.5, 7.5]}, r"1 slices lie where another one lies"),
        ({"shear": 0.2}, r"stacked at 11\.3° to their normal \(gantry tilt\).*dcm2niix"),
        ({"shear": -0.003}, r"stacked at 0\.2° to their normal"),
    ],
)
def test_slices_that_fill_no_upright_grid_are_refused(tmp_path: Path, options: dict, message: str):
    with pytest.raises(ImageError, match=message):
        read_image(write_series(tmp_path / "ct", **options))


def test_rounded_positions_pass(tmp_path: Path):
    heights = [0.0, 2.4999, 5.0004, 7.4998, 10.0, 12.501]
    image = read_image(write_series(tmp_path / "ct", heights=heights, shear=0.001))
    np.testing.assert_allclose(image.GetSpacing()[2], 12.501 / 5)


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ({"orientation": (0, 1, 0, 0, 0, -1)}, r"orientation \(0\.0, 1\.0.* differ from those of"),
        ({"ImagePositionPatient": None}, r"no position or orientation in the header"),
        ({"NumberOfFrames": 3, "pixels": VALUES[:3]}, r"a multi-frame DICOM file of 3 frames.*dcm2niix"),
        ({"pixels": VALUES[0, :6]}, r"size \(14, 6\) .* differ from those of"),
    ],
)
def test_an_odd_slice_is_named(tmp_path: Path, elements: dict, message: str):
    folder = write_series(tmp_path / "ct")
    elements = {"pixels": VALUES[5], **elements}
    write_slice(folder / "slice99odd.dcm", place=(0, 0, 40.0), **elements)
    with pytest.raises(ImageError, match=message) as caught:
        read_image(folder)
    assert "slice99odd.dcm" in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.99])
def test_a_damaged_slice_is_named(tmp_path: Path, share: float):
    folder = write_series(tmp_path / "ct")
    content = (folder / "slice97.dcm").read_bytes()
    (folder / "slice97.dcm").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ImageError, match=r"slice97\.dcm: not a readable DICOM image; it is cut short or damaged"):
        read_image(folder)


def test_a_number_that_is_none_is_named(tmp_path: Path):
    folder = write_series(tmp_path / "ct")
    content = (folder / "slice97.dcm").read_bytes()
    assert content.count(b"-10.0\\-20.0\\10.0") == 1
    (folder / "slice97.dcm").write_bytes(content.replace(b"-10.0\\-20.0\\10.0", b"-10.0\\-2x.0\\10.0"))
    with pytest.raises(ImageError, match=r"slice97\.dcm: the header's element \(0020,0032\) should hold numbers"):
        read_image(folder)


@pytest.mark.parametrize(("sop_class", "name"), [(RTSTRUCT, "RTSTRUCT"), (SEG, "SEG")])
@pytest.mark.parametrize("as_folder", [True, False])
def test_contours_and_segmentation_objects_name_the_mend(tmp_path: Path, sop_class: str, name: str, as_folder: bool):
    path = tmp_path / "rt" / "object.dcm"
    write_slice(path, VALUES[0], (0, 0, 0), sop_class=sop_class)
    dataset = pydicom.dcmread(path)
    del dataset.PixelData
    dataset.save_as(path)
    with pytest.raises(ImageError, match=rf"object\.dcm: this is a DICOM {name} .*Convert it to a labelled volume"):
        read_mask(path.parent if as_folder else path)


def test_a_folder_without_slices(tmp_path: Path):
    with pytest.raises(ImageError, match=r"no DICOM image in this folder; it holds no file at all"):
        read_image(tmp_path)
    (tmp_path / "image.nii.gz").write_bytes(b"x")
    with pytest.raises(ImageError, match=r"its files are image\.nii\.gz and 0 others"):
        read_image(tmp_path)


def test_colour_slices_are_refused(tmp_path: Path):
    pixels = np.zeros((12, 14, 3), dtype=np.uint8)
    elements = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0, "Rows": 12,
                "Columns": 14, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}  # fmt: skip
    write_slice(tmp_path / "shot" / "shot.dcm", pixels, (0, 0, 0), **elements)
    with pytest.raises(ImageError, match=r"shot\.dcm: 3 components per voxel \(colour\)"):
        read_image(tmp_path / "shot")
