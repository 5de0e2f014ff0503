"""Images of one slice: 2-D files and images, single DICOM slices; the numbers are those of the slice as a volume."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from bayesrg.imaging import Perturbation, perturb, process, read_image
from bayesrg.radiomics import Settings, extract
from bayesrg.settings import from_dict

FAMILIES = ["statistics", "histogram", "glcm"]
IN_SLICE = ["2d_averaged", "2d_slice_merged", "2p5d_direction_merged", "2p5d_merged", "3d_averaged", "3d_merged"]


def settings(**sections) -> Settings:
    every = {"features": {"families": FAMILIES}, "glcm": {"aggregation": IN_SLICE}, **sections}
    return from_dict(Settings, every)


def make_flat(seed: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Return intensities and a mask [y, x]."""
    y, x = np.indices((20, 24))
    intensity = np.random.default_rng(seed).normal(100, 30, (20, 24)).round() + 2 * x
    return intensity.astype(np.float32), ((y - 9) ** 2 + (x - 12) ** 2 <= 40).astype(np.uint8)


def make_image(array: np.ndarray, spacing=(0.8, 0.9)) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing([*spacing, 1.0][: image.GetDimension()])
    return image


def make_volume(array: np.ndarray) -> sitk.Image:
    return make_image(array[np.newaxis])


def values(image, mask, chosen: Settings | None = None) -> dict[str, float]:
    found = extract(image, mask, chosen or settings())
    return dict(zip(found.feature.values.tolist(), found["value"].values.tolist(), strict=True))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"])
def test_flat_files_are_a_volume_of_one_slice(tmp_path: Path, suffix: str):
    intensity, mask = make_flat()
    for name, array in (("image", intensity), ("mask", mask)):
        sitk.WriteImage(make_image(array), tmp_path / f"{name}{suffix}")
    assert read_image(tmp_path / f"image{suffix}").GetSize() == (24, 20, 1)
    np.testing.assert_allclose(read_image(tmp_path / f"image{suffix}").GetSpacing(), (0.8, 0.9, 1.0), rtol=1e-6)
    found = values(tmp_path / f"image{suffix}", tmp_path / f"mask{suffix}")
    assert found == values(make_volume(intensity), make_volume(mask))
    assert not np.isnan(list(found.values())).any()
    assert found["statistics_mean"] == pytest.approx(intensity[mask == 1].mean())


def test_flat_images_in_memory_are_too():
    intensity, mask = make_flat()
    expected = values(make_volume(intensity), make_volume(mask))
    assert values(make_image(intensity), make_image(mask)) == expected
    assert values(make_image(intensity), make_volume(mask)) == expected
    labelled = make_image(3 * mask)
    assert dict(extract(make_image(intensity), labelled, settings(), label=3).attrs)["n_voxels"] == mask.sum()
    moved = make_image(mask)
    moved.SetOrigin((0.3, 0.0))
    assert values_of_resampled(intensity, moved) == expected


def values_of_resampled(intensity, mask) -> dict[str, float]:
    found = extract(make_image(intensity), mask, settings(), resample_mask=True)
    return dict(zip(found.feature.values.tolist(), found["value"].values.tolist(), strict=True))


def test_texture_of_one_slice_is_the_same_in_every_aggregation():
    intensity, mask = make_flat()
    found = values(make_image(intensity), make_image(mask))
    for feature in ("contrast", "joint_entropy", "correlation"):
        merged = {found[f"glcm_{feature}_{how}"] for how in ("2d_slice_merged", "2p5d_merged", "3d_merged")}
        averaged = {found[f"glcm_{feature}_{how}"] for how in ("2d_averaged", "2p5d_direction_merged", "3d_averaged")}
        np.testing.assert_allclose([*merged, *averaged][1:], [*merged, *averaged][0], rtol=0.2)
        np.testing.assert_allclose(list(merged), max(merged), rtol=1e-12)
        np.testing.assert_allclose(list(averaged), max(averaged), rtol=1e-12)


@pytest.mark.parametrize("method", ["linear", "cubic_bspline", "nearest"])
def test_interpolation_within_the_slice(method: str):
    intensity, mask = make_flat()
    chosen = settings(interpolation={"spacing": [2, 2, "keep"], "image": method})
    one = process(make_image(intensity), make_image(mask), chosen)
    assert one.attrs["spacing"] == (2.0, 2.0, 1.0)
    assert one.sizes["z"] == 1
    # A stack of the same slice, interpolated within slices, holds the same slice.
    stack = process(make_image(np.stack([intensity] * 3)), make_image(np.stack([mask] * 3)), chosen)
    for name in ("intensity", "morphological_mask", "level"):
        np.testing.assert_array_equal(stack[name].values[1], one[name].values[0])


@pytest.mark.parametrize(("thickness", "slices"), [(1.0, 1), (2.0, 1), (5.0, 3)])
def test_interpolation_along_z_cuts_the_slice_into_equal_ones(thickness: float, slices: int):
    intensity, mask = make_flat()
    image, region = make_volume(intensity), make_volume(mask)
    for one in (image, region):
        one.SetSpacing((2.0, 2.0, thickness))
    for method in ("linear", "cubic_bspline"):
        chosen = settings(interpolation={"spacing": [2, 2, 2], "image": method})
        found = process(image, region, chosen)
        assert found.sizes["z"] == slices
        np.testing.assert_allclose(
            found.intensity.values[:, 4:-4, 4:-4], np.stack([found.intensity.values[0, 4:-4, 4:-4]] * slices)
        )
        assert (found.morphological_mask.values == found.morphological_mask.values[0]).all()


@pytest.mark.parametrize(
    "change",
    [
        {"noise": 1.0},
        {"rotation": 5.0},
        {"translation": (0.3, 0.3, 0.0)},
        {"growth_fraction": 0.1},
        {"growth_mm": 1.0},
        {"growth_mm": -1.0},
        {"supervoxels": True},
    ],
    ids=str,
)
def test_a_slice_can_be_perturbed(change: dict):
    intensity, mask = make_flat()
    chosen = settings(interpolation={"spacing": [1, 1, "keep"]})
    image, region, rest = perturb(make_image(intensity), make_image(mask), Perturbation(**change), chosen, seed=3)
    assert image.GetSize()[2] == 1
    found = values(image, region, rest)
    assert not np.isnan(list(found.values())).any()


def write_dicom_slice(path: Path, pixels: np.ndarray, thickness: float) -> None:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = generate_uid(entropy_srcs=[path.name])
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.Modality = "1.2.3.4", "1.2.3", "CT"
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [-10.0, -20.0, 105.0], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [0.9, 0.8], thickness
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 15, 1, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = pixels.astype(np.int16).tobytes()
    dataset.save_as(path, enforce_file_format=True)


@pytest.mark.parametrize("as_folder", [True, False])
def test_a_single_dicom_slice_is_as_thick_as_it_says(tmp_path: Path, as_folder: bool):
    intensity, mask = make_flat()
    (tmp_path / "image").mkdir()
    (tmp_path / "mask").mkdir()
    write_dicom_slice(tmp_path / "image" / "0.dcm", intensity, 2.5)
    write_dicom_slice(tmp_path / "mask" / "0.dcm", mask, 2.5)
    assert pydicom.dcmread(tmp_path / "image" / "0.dcm").SliceThickness == 2.5
    image, region = (tmp_path / name / ("" if as_folder else "0.dcm") for name in ("image", "mask"))
    found = extract(image, region, settings())
    assert found.attrs["spacing"] == (0.8, 0.9, 2.5)
    expected = values(make_volume(intensity), make_volume(mask))
    np.testing.assert_allclose(found["value"], list(expected.values()))
