"""Several labels of a mask: each as if it were alone, those without features named, a manifest's "all" expanded."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from bayesrg.errors import GeometryError, ImageError, RegionError
from bayesrg.radiomics import Settings, extract
from bayesrg.radiomics.labels import expand_labels, extract_labels
from bayesrg.radiomics.manifest import list_cases
from bayesrg.settings import from_dict

from .conftest import make_image, make_lesion

SETTINGS = from_dict(Settings, {"features": {"families": ["statistics", "histogram", "glcm"]}})
COARSE = from_dict(
    Settings, {"interpolation": {"spacing": [4, 4, 4]}, "features": {"families": ["statistics", "histogram"]}}
)


def test_each_label_as_if_it_were_alone():
    image, mask = make_lesion(0)
    every = extract_labels(image, mask, SETTINGS)
    assert every.sizes == {"label": 2, "feature": len(SETTINGS.selected)}
    assert every.label.values.tolist() == [1, 2]
    assert every.name.values.tolist() == ["1", "2"]
    for label in (1, 2):
        alone = extract(image, mask, SETTINGS, label=label)
        row = every.sel(label=label)
        np.testing.assert_array_equal(row["value"], alone["value"])
        assert row["reason"].values.tolist() == alone["reason"].values.tolist()
        for name in ("family", "ibsi_code", "unit", "aggregation"):
            assert row[name].values.tolist() == alone[name].values.tolist()
        for name in ("n_voxels", "n_voxels_morphological", "n_levels", "bin_width", "mask_hash"):
            assert row[name].item() == alone.attrs[name]
        for name in ("bayesrg_version", "settings", "settings_hash", "image_hash", "spacing"):
            assert every.attrs[name] == alone.attrs[name]


def test_labels_are_chosen_ordered_and_named(lesions):
    files = lesions / "0.nii.gz", lesions / "0_mask.nrrd"
    assert extract_labels(*files, SETTINGS, labels=[2, 1]).label.values.tolist() == [2, 1]
    named = extract_labels(*files, SETTINGS, labels={2: "node"})
    assert (named.label.values.tolist(), named.name.values.tolist()) == ([2], ["node"])
    assert named.attrs["mask"] == str(files[1])
    assert json.loads(named.attrs["settings"])["features"]["families"] == ["statistics", "histogram", "glcm"]


def test_a_label_without_features_is_named_and_stops_no_other():
    image, mask = make_lesion(1)
    voxels = sitk.GetArrayFromImage(mask)
    voxels[0, 0, 0] = 7
    with pytest.warns(UserWarning, match=r"1 of 3 labels have no features: label 7: .*vanish on the interpolated grid"):
        found = extract_labels(image, make_image(voxels), COARSE, labels=[7, 1, 2])
    assert np.isnan(found["value"].sel(label=7)).all()
    assert all("vanish" in reason for reason in found["reason"].sel(label=7).values)
    assert np.isnan(found.n_voxels.sel(label=7))
    np.testing.assert_array_equal(found["value"].sel(label=1), extract(image, mask, COARSE, label=1)["value"])
    with pytest.raises(RegionError, match="no label has features: label 7: "):
        extract_labels(image, make_image(voxels), COARSE, labels=[7])


@pytest.mark.parametrize(
    ("labels", "message"),
    [([1, 5, 9], r"holds no label 5, 9; it has 1 \(\d+ voxels\), 2"), ([], "asked for no label")],
)
def test_absent_labels_are_refused(labels, message):
    with pytest.raises(RegionError, match=message):
        extract_labels(*make_lesion(0), SETTINGS, labels=labels)


def test_what_is_wrong_with_the_files_names_them(lesions, tmp_path):
    image = lesions / "0.nii.gz"
    with pytest.raises(ImageError, match=r"absent\.nrrd: there is no such file") as problem:
        extract_labels(image, tmp_path / "absent.nrrd", SETTINGS)
    assert str(problem.value).count("absent.nrrd") == 1
    sitk.WriteImage(make_image(np.zeros((12, 12, 12), np.uint8)), tmp_path / "empty.nrrd")
    with pytest.raises(RegionError, match=r"0\.nii\.gz: .*empty\.nrrd: The mask is empty"):
        extract_labels(image, tmp_path / "empty.nrrd", SETTINGS)
    moved = make_lesion(0)[1]
    moved.SetOrigin((0.4, 0.0, 0.0))
    sitk.WriteImage(moved, tmp_path / "moved.nrrd")
    with pytest.raises(GeometryError, match=r"(?s)moved\.nrrd: .*resample_mask"):
        extract_labels(image, tmp_path / "moved.nrrd", SETTINGS)
    found = extract_labels(image, tmp_path / "moved.nrrd", SETTINGS, resample_mask=True)
    assert found.label.values.tolist() == [1, 2]


def test_all_in_a_manifest_is_a_row_per_label(lesions):
    table = pd.DataFrame(
        {
            "image": [f"{number}.nii.gz" for number in range(3)],
            "mask": [f"{number}_mask.nrrd" for number in range(3)],
            "label": ["all", "2", " ALL"],
            "subject": ["a", "b", "c"],
        }
    )
    expanded = expand_labels(table, lesions)
    assert expanded["label"].tolist() == [1, 2, 2, 1, 2]
    assert expanded["subject"].tolist() == ["a", "a", "b", "c", "c"]
    assert [case.label for case in list_cases(expanded, lesions)] == [1, 2, 2, 1, 2]
    assert table["label"].tolist() == ["all", "2", " ALL"]


def test_a_mask_without_labels_fails_by_itself(lesions, tmp_path):
    (tmp_path / "broken.nrrd").write_text("NRRD0004\n")
    sitk.WriteImage(make_image(np.zeros((3, 3, 3), np.uint8)), tmp_path / "empty.nrrd")
    sitk.WriteImage(make_image(np.arange(-1, 26, dtype=np.int16).reshape(3, 3, 3)), tmp_path / "negative.nrrd")
    masks = ["absent.nrrd", "broken.nrrd", "empty.nrrd", "negative.nrrd", str(lesions / "0_mask.nrrd"), None]
    table = pd.DataFrame({"image": "image.nrrd", "mask": masks, "label": "all"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expanded = expand_labels(table, tmp_path)
    assert expanded["label"].isna().tolist() == [True, True, True, True, False, False, True]
    assert [case.label for case in list_cases(expanded.dropna(subset="mask"), tmp_path)] == [*[None] * 4, 1, 2]


@pytest.mark.parametrize("labels", [None, [1, 2], ["1", None], [1.0, np.nan]])
def test_other_manifests_stay_as_they_are(labels, tmp_path):
    table = pd.DataFrame({"image": ["a", "b"], "mask": ["a", "b"]})
    if labels is not None:
        table["label"] = labels
    assert expand_labels(table, tmp_path) is table


def test_labels_that_are_no_numbers_are_left_for_the_manifest_to_refuse(lesions):
    table = pd.DataFrame({"image": "0.nii.gz", "mask": "0_mask.nrrd", "label": ["all", "left"]})
    assert expand_labels(table, lesions)["label"].tolist() == [1, 2, "left"]
