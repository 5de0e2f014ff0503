"""A saved fit is whole or absent, loads back identical, and damaged or foreign files are refused."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from bayesrg.errors import FitError
from bayesrg.inference import load, save
from bayesrg.models import model_of
from bayesrg.storage import with_plain_labels


@pytest.fixture(scope="module")
def saved(tree: xr.DataTree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tree, tmp_path_factory.mktemp("fits") / "fit.zarr.zip")


def test_round_trip_is_identical(tree: xr.DataTree, saved: Path):
    loaded = load(saved)
    assert loaded.identical(tree)
    assert set(loaded.children) == set(tree.children)
    assert loaded["provenance"].attrs == tree["provenance"].attrs
    assert loaded["estimands"]["icc"].attrs == tree["estimands"]["icc"].attrs
    assert model_of(loaded) == model_of(tree)


def test_a_fit_of_a_fit_that_was_loaded(saved: Path, tmp_path: Path):
    again = save(load(saved), tmp_path / "again.zarr.zip")
    assert load(again).identical(load(saved))


def test_nothing_else_is_left_beside_the_file(saved: Path):
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.filterwarnings("error")
def test_no_name_stands_twice_in_the_archive(saved: Path):
    names = zipfile.ZipFile(saved).namelist()
    assert len(names) == len(set(names))


def test_an_interrupted_save_leaves_the_old_file(
    tree: xr.DataTree, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    target = tmp_path / "fit.zarr.zip"
    target.write_bytes(saved.read_bytes())
    before = target.read_bytes()
    written = []

    def interrupt(self: zipfile.ZipFile, file: Path, name: str) -> None:
        written.append(name)
        if len(written) == 10:
            raise KeyboardInterrupt

    monkeypatch.setattr(zipfile.ZipFile, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(tree, target)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_no_file(tmp_path: Path):
    with pytest.raises(FitError, match=r"no file .*nowhere\.zarr\.zip"):
        load(tmp_path / "nowhere.zarr.zip")


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_a_file_that_was_cut_short(saved: Path, tmp_path: Path, kept: float):
    content = saved.read_bytes()
    damaged = tmp_path / "fit.zarr.zip"
    damaged.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(FitError, match="damaged"):
        load(damaged)


def test_an_archive_without_arrays(tmp_path: Path):
    foreign = tmp_path / "foreign.zip"
    with zipfile.ZipFile(foreign, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(FitError, match=r"cannot be read as a saved fit|not a bayesrg fit"):
        load(foreign)


def test_an_archive_with_a_damaged_array(saved: Path, tmp_path: Path):
    damaged = tmp_path / "damaged.zarr.zip"
    with zipfile.ZipFile(saved) as archive, zipfile.ZipFile(damaged, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name)
            copy.writestr(name, content[: len(content) // 2] if "posterior/variance/c/" in name else content)
    with pytest.raises(FitError, match="cannot be read as a saved fit"):
        load(damaged)


def test_another_tree(tmp_path: Path):
    foreign = save(xr.DataTree.from_dict({"posterior": xr.Dataset({"x": ("draw", [1.0, 2.0])})}), tmp_path / "x.zip")
    with pytest.raises(FitError, match="no estimands, provenance"):
        load(foreign)


def test_a_class_that_is_not_ours_is_refused(tree: xr.DataTree):
    foreign = tree.copy()
    foreign["provenance"] = xr.Dataset(attrs={"model": json.dumps({"is": "os.system", "command": "echo"})})
    with pytest.raises(FitError, match=r"'os\.system', which this version does not know"):
        model_of(foreign)


def test_labels_of_any_kind_are_plain_text_before_and_after(tree: xr.DataTree, tmp_path: Path):
    labels = np.array(["scanner", "préparation"], dtype=object)
    strange = tree.copy()
    strange["posterior"] = xr.Dataset({"centre": (("chain", "group"), np.ones((1, 2)))}, coords={"group": labels})
    loaded = load(save(strange, tmp_path / "strange.zarr.zip"))
    assert loaded["posterior"]["group"].dtype.kind == "U"
    assert loaded["posterior"]["group"].values.tolist() == list(labels)
    assert with_plain_labels(strange)["posterior"]["group"].dtype.kind == "U"
