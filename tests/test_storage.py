"""Datasets come back from a file as they were; tables hold one variable; damaged and foreign files are refused."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.errors import TableError
from bayesrg.storage import read_dataset, write_dataset

DATA = xr.Dataset(
    {
        "tpm": (("patient", "gene"), [[1.5, np.nan], [0.0, 3.0]], {"units": "transcripts per million"}),
        "grade": ("patient", np.array(["G2", ""])),
        "seen": ("patient", [True, False]),
    },
    {"patient": ["P1", "Pätient 2"], "gene": ["TP53", "HLA-A"], "chromosome": ("gene", ["17", "6"])},
    {"history": "first\nsecond"},
)


def test_round_trip_is_identical(tmp_path):
    path = write_dataset(DATA, tmp_path / "new folder" / "data.zarr.zip")
    assert read_dataset(path).identical(DATA)
    assert list(path.parent.iterdir()) == [path]


def test_tables_of_one_variable(tmp_path):
    csv = pd.read_csv(write_dataset(DATA, tmp_path / "tpm.csv", variable="tpm"), index_col=0)
    parquet = pd.read_parquet(write_dataset(DATA, tmp_path / "tpm.parquet", variable="tpm")).set_index("patient")
    for table in (csv, parquet):
        assert table.index.tolist() == ["P1", "Pätient 2"]
        np.testing.assert_array_equal(table[["TP53", "HLA-A"]].to_numpy(), DATA["tpm"].values)
    grades = pd.read_parquet(write_dataset(DATA[["grade"]], tmp_path / "grade.parquet"))
    assert grades["grade"].tolist() == ["G2", ""]


@pytest.mark.parametrize(
    ("name", "variable", "message"),
    [
        ("data.csv", None, "a table holds one variable, and there are tpm, grade, seen"),
        ("data.csv", "fpkm", "there is no variable 'fpkm'"),
        ("data.xls", "tpm", r"expected a file in one of \.zarr\.zip"),
    ],
)
def test_what_cannot_be_written(tmp_path, name, variable, message):
    with pytest.raises(TableError, match=message):
        write_dataset(DATA, tmp_path / name, variable=variable)
    assert list(tmp_path.iterdir()) == []


def test_files_that_hold_no_dataset(tmp_path):
    with pytest.raises(TableError, match="no file"):
        read_dataset(tmp_path / "absent.zarr.zip")
    (tmp_path / "text.zarr.zip").write_text("nothing")
    with pytest.raises(TableError, match="is not a saved Dataset"):
        read_dataset(tmp_path / "text.zarr.zip")
    whole = write_dataset(DATA, tmp_path / "whole.zarr.zip").read_bytes()
    (tmp_path / "cut.zarr.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TableError, match="damaged"):
        read_dataset(tmp_path / "cut.zarr.zip")


def test_dates_beyond_the_reach_of_nanoseconds_come_back(tmp_path):
    ends = np.array(["9999-12-31", "1600-01-01T12:00", "2020-01-01", "NaT"], dtype="datetime64[us]")
    data = xr.Dataset({"end": ("patient", ends)}, {"patient": list("abcd")})
    found = read_dataset(write_dataset(data, tmp_path / "dates.zarr.zip"))
    assert found.identical(data)
    assert found["end"].dtype == "datetime64[us]"


def test_one_long_remark_makes_no_cell_wider(tmp_path):
    remarks = np.array(["x" * 5_000, "short", ""], dtype=object)
    data = xr.Dataset({"remark": ("patient", remarks)}, {"patient": list("abc")})
    found = read_dataset(write_dataset(data, tmp_path / "remarks.zarr.zip"))["remark"]
    assert found.dtype == object
    assert found.values.tolist() == remarks.tolist()
