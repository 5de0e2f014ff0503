"""A Dataset tells what was done to it, each step once and in order."""

import hashlib

import xarray as xr

from bayesrg.history import step, with_step


def test_a_file_is_told_by_name_and_hash_but_not_by_its_folder(tmp_path):
    file = tmp_path / "secret folder" / "counts.tsv"
    file.parent.mkdir()
    file.write_text("gene\tP1\nTP53\t1\n")
    line = step("read_matrix", source=file, over="gene")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert line == f"read_matrix: counts.tsv (sha256 {digest[:12]}), over='gene'"


def test_a_line_is_one_line():
    assert step("encode", note="two\nlines") == r"encode: note='two\nlines'"
    assert step("encode") == "encode"


def test_histories_of_several_inputs_are_joined_without_repetition():
    read = with_step(xr.Dataset(), "read")
    left, right = with_step(xr.Dataset(), "left", read), with_step(xr.Dataset(), "right", read)
    joined = with_step(xr.Dataset(attrs={"title": "kept"}), "join", left, right)
    assert joined.attrs["history"].splitlines() == ["read", "left", "right", "join"]
    assert joined.attrs["title"] == "kept"
    assert "history" not in xr.Dataset().attrs
