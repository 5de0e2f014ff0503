"""Manifests: what is read, where relative paths start, and errors that name row and column."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesrg.errors import TableError
from bayesrg.radiomics.manifest import Case, list_cases, read_manifest

TEXT = "subject,image,mask,label,age,score,site\n007,a.nii,b.nii,2,61,0.5,NA\n008,sub/c.nii,/d.nii,,47,1e-3,\n"


def write(folder, name, text):
    path = folder / name
    path.write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.csv", TEXT),
        ("m.csv.gz", TEXT),
        ("m.tsv", TEXT.replace(",", "\t")),
        ("m.csv", "\ufeff" + TEXT),
        ("M.CSV", TEXT.replace("\n", "\r\n")),
    ],
)
def test_text_files_keep_identifiers_and_recognise_numbers(tmp_path, name, text):
    table, folder = read_manifest(write(tmp_path, name, text))
    assert folder == tmp_path
    assert table.subject.tolist() == ["007", "008"]
    assert table.age.tolist() == [61, 47]
    assert table.score.tolist() == [0.5, 0.001]
    assert table.site[0] == "NA"
    assert pd.isna(table.site[1])
    assert list_cases(table, folder) == [
        Case(1, tmp_path / "a.nii", tmp_path / "b.nii", 2),
        Case(2, tmp_path / "sub/c.nii", Path("/d.nii"), None),
    ]


def test_parquet_keeps_its_types(tmp_path):
    table = pd.DataFrame({"image": ["a"], "mask": ["b"], "label": [np.int64(3)], "dose": [1.5]})
    table.to_parquet(tmp_path / "m.parquet")
    read, folder = read_manifest(tmp_path / "m.parquet")
    pd.testing.assert_frame_equal(read, table)
    assert list_cases(read, folder)[0].label == 3


def test_paths_of_a_table_start_at_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = pd.DataFrame({"image": [Path("a.nii")], "mask": ["b.nii"]}, index=["x"])
    table, folder = read_manifest(given)
    assert list_cases(table, folder) == [Case(1, tmp_path / "a.nii", tmp_path / "b.nii", None)]
    assert table is not given


@pytest.mark.parametrize("label", [1, 1.0, "1", "1.0", np.int64(1)])
def test_labels_may_be_written_as_any_number(label):
    table = pd.DataFrame({"image": ["a"], "mask": ["b"], "label": pd.Series([label], dtype=object)})
    assert list_cases(table, Path())[0].label == 1


@pytest.mark.parametrize("label", [None, np.nan, pd.NA])
def test_a_missing_label_takes_the_only_one(label):
    table = pd.DataFrame({"image": ["a"], "mask": ["b"], "label": pd.Series([label], dtype=object)})
    assert list_cases(table, Path())[0].label is None


GOOD = {"image": ["a", "b"], "mask": ["c", "d"]}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"Image": ["a"], "mask": ["b"]}, "no column 'image'; it has 'Image', 'mask'. Rename 'Image' to 'image'"),
        ({"image": ["a"]}, "no column 'mask'; it has 'image'. Add the path of each region's mask"),
        ({**GOOD, "image": ["a", None]}, "row 2 of the manifest, column 'image': expected a path, found nothing"),
        ({**GOOD, "mask": [" ", "d"]}, "row 1 of the manifest, column 'mask': expected a path, found ' '"),
        ({**GOOD, "mask": ["c", 3]}, "row 2 of the manifest, column 'mask': expected a path, found 3"),
        ({**GOOD, "label": [1, 1.5]}, "row 2 of the manifest, column 'label': .* found 1.5"),
        ({**GOOD, "label": ["1", "tumour"]}, "row 2 of the manifest, column 'label': .* found 'tumour'"),
        ({**GOOD, "label": [0, 1]}, "row 1 .* at least 1, found 0"),
        ({**GOOD, "label": [1, -1]}, "row 2 .* at least 1, found -1"),
        ({"image": [], "mask": []}, "no rows"),
        ({**GOOD, "n_voxels": [1, 2]}, "'n_voxels' would collide"),
    ],
)
def test_what_is_wrong_with_a_manifest_is_named(columns, message):
    with pytest.raises(TableError, match=message):
        list_cases(pd.DataFrame(columns), Path(), reserved={"n_voxels"})


def test_repeated_columns_are_named():
    table = pd.DataFrame([["a", "b", "c"]], columns=["image", "mask", "mask"])
    with pytest.raises(TableError, match="several columns called 'mask'"):
        list_cases(table, Path())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.csv", None, "no such manifest"),
        ("m.ods", b"", "expected a manifest in one of .csv"),
        ("m.csv", b"", "the manifest is empty; expected a row of names"),
        ("m.csv", b'image,mask\na,b,c,d\ne,f\n,\n"', "could not be read"),
        ("m.csv", b"image,mask\n\xff\xfe,b", "could not be read"),
        ("m.csv.gz", b"\x1f\x8bno gzip", "could not be read"),
        ("m.parquet", b"no parquet", "could not be read"),
    ],
)
def test_files_that_are_no_manifest_are_named(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TableError, match=message) as problem:
        read_manifest(path)
    assert str(path) in str(problem.value)
