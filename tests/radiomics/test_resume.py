"""Finished work on disk: keys that see all content, and files that are whole or absent."""

import numpy as np
import pytest
import SimpleITK as sitk

from bayesrg.errors import ImageError
from bayesrg.radiomics.resume import hash_source, keep_finished, load_finished, make_key

from .conftest import make_image


def test_a_kept_record_is_loaded_to_the_last_bit(tmp_path):
    record = {"values": {"a": 0.1 + 0.2, "b": None, "c": 1e-310}, "reasons": {"b": "ü"}}
    keep_finished(tmp_path / "new", "key", record)
    assert load_finished(tmp_path / "new", "key") == record
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["key.json"]


@pytest.mark.parametrize("damage", [b"", b'{"values": {"a": 1', b"\xff\xfe"])
def test_what_is_absent_or_damaged_was_not_finished(tmp_path, damage):
    assert load_finished(tmp_path, "key") is None
    (tmp_path / "key.json").write_bytes(damage)
    assert load_finished(tmp_path, "key") is None


def test_a_key_depends_on_every_part_and_not_on_the_order_of_a_dictionary():
    assert make_key(1, {"a": 1, "b": [2]}) == make_key(1, {"b": [2], "a": 1})
    keys = {make_key(*parts) for parts in [(1,), ("1",), (1, None), (None, 1), ([1],), (1.5,), ()]}
    assert len(keys) == 7


def test_a_file_is_known_by_its_content(tmp_path):
    for name, content in (("a.nii", b"one"), ("b.nii", b"one"), ("c.nii", b"two")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (hash_source(tmp_path / name) for name in ("a.nii", "b.nii", "c.nii"))
    assert a == b != c


def test_a_folder_is_known_by_the_names_and_contents_of_its_files(tmp_path):
    for folder, names in (("a", ("1", "2")), ("b", ("1", "2")), ("c", ("2", "1"))):
        (tmp_path / folder).mkdir()
        for name, content in zip(names, ("slice one", "slice two"), strict=True):
            (tmp_path / folder / name).write_text(content)
    a, b, c = (hash_source(tmp_path / folder) for folder in "abc")
    assert a == b != c


@pytest.mark.parametrize(("header", "voxels"), [("a.mhd", "a.raw"), ("a.nhdr", "a.raw"), ("a.hdr", "a.img")])
def test_voxels_beside_a_header_count(tmp_path, header, voxels):
    sitk.WriteImage(make_image(np.zeros((2, 3, 4), dtype=np.int16)), tmp_path / header)
    before = hash_source(tmp_path / header)
    assert hash_source(tmp_path / header) == before
    content = bytearray((tmp_path / voxels).read_bytes())
    content[-1] = 1
    (tmp_path / voxels).write_bytes(content)
    assert hash_source(tmp_path / header) != before


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ImageError, match=r"absent\.nii: there is no such file"):
        hash_source(tmp_path / "absent.nii")
