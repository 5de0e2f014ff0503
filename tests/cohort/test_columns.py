"""Columns of every kind: numbers that mean missing, dates of every zone and year, decimals, text of any length."""

import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.cohort.flattening import to_table
from bayesrg.cohort.joining import join
from bayesrg.cohort.missingness import missing_by_variable
from bayesrg.cohort.source import Source
from bayesrg.errors import TableError

CODED = pd.DataFrame({"patient": ["P1", "P2"], "whole": [-999, 3], "decimal": [-999.0, 1.5]})


def alone(table: object, role: str = "clinical", **options: object) -> xr.Dataset:
    return join({"study": Source(table, role, **options)})  # type: ignore[arg-type]


def column(values: list, **options: object) -> xr.DataArray:
    rows = pd.DataFrame({"patient": [f"P{n}" for n in range(len(values))], "x": values})
    return alone(rows, **options)["x"]


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet", "frame", "long"])
@pytest.mark.parametrize("role", ["clinical", "imaging"])
@pytest.mark.parametrize("code", ["-999", -999, "-999.0"])
def test_numbers_that_mean_missing_do_so_in_every_table(kind: str, role: str, code: str | float, tmp_path: Path):
    path, options = tmp_path / f"coded.{kind}", {}
    table: object = path
    if kind == "csv":
        CODED.to_csv(path, index=False)
    elif kind == "xlsx":
        CODED.to_excel(path, index=False)
    elif kind == "parquet":
        CODED.to_parquet(path)
    elif kind == "frame":
        table = CODED
    else:
        table, options = CODED.melt("patient"), {"layout": "long", "name": "variable", "value": "value"}
    cohort = alone(table, role, missing=[code], **options)
    assert missing_by_variable(cohort)["missing"].to_dict() == {"whole": 1, "decimal": 1}
    assert to_table(cohort).loc["P2", ["whole", "decimal"]].tolist() == [3.0, 1.5]


def test_words_for_missing_of_databases_and_pandas():
    assert column(["G2", "na", "NULL", "<NA>"]).values.tolist() == ["G2", "", "", ""]
    assert column(["surgery", "None"]).values.tolist() == ["surgery", "None"]


def test_dates_of_several_zones_are_of_utc():
    summer = column(["2024-05-31T00:00+02:00", "2024-05-31T00:00+03:00", ""], dates=["x"])
    assert summer.values[:2].tolist() == np.array(["2024-05-30T22", "2024-05-30T21"], "datetime64[us]").tolist()
    assert np.isnat(summer.values[2])
    assert summer.attrs["time_zone"] == "UTC"
    zones = [pd.Timestamp("2024-01-01", tz=zone) for zone in ("UTC", "Europe/Berlin")]
    assert column(zones).values[1] == np.datetime64("2023-12-31T23:00")
    for mixed in (["2024-05-31T00:00Z", "2024-05-31"], [zones[0], pd.Timestamp("2024-05-31")]):
        with pytest.raises(TableError, match=r"column 'x', row '1', patient 'P1': found 2024-05-31.*a time zone"):
            column(mixed, dates=["x"] if isinstance(mixed[0], str) else [])


@pytest.mark.parametrize("year", ["9999-12-31", "1600-02-29"])
def test_dates_far_away_are_kept(year: str):
    for values, options in (([year, ""], {"dates": ["x"]}), ([datetime.date.fromisoformat(year), None], {})):
        dates = column(values, **options)
        assert str(dates.values[0])[:10] == year
        assert str(dates.dtype) in ("datetime64[s]", "datetime64[us]")


def test_two_categories_that_are_written_alike_are_refused():
    with pytest.raises(TableError, match="column 'x' has two categories that are written '1'"):
        column(pd.Categorical([1, "1"]))  # type: ignore[arg-type]


def test_decimals_of_parquet_are_numbers(tmp_path: Path):
    table = pd.DataFrame({"patient": ["P1", "P2", "P3"], "x": [Decimal("1.50"), None, Decimal(9)]})
    table.to_parquet(tmp_path / "doses.parquet")
    cohort = alone(tmp_path / "doses.parquet", "imaging", missing=["9"])
    np.testing.assert_array_equal(cohort["imaging"].sel(feature="x"), [1.5, np.nan, np.nan])


def test_decimal_commas_are_pointed_out():
    with pytest.warns(UserWarning, match=r"column 'x' is text: 1,5, 2,5 have a comma"):
        assert column(["1,5", "2,5", "3"]).attrs["kind"] == "text"
    assert column(["a,5", "2,5"]).attrs["kind"] == "text"


@pytest.mark.parametrize("separator", [";", "\t"])
def test_files_with_other_separators_are_named(separator: str, tmp_path: Path):
    path = tmp_path / "export.csv"
    path.write_text(f"patient{separator}x\nP1{separator}1,5\n")
    with pytest.raises(
        TableError, match=f"separated by {'semicolons' if separator == ';' else 'tabs'}; expected commas"
    ):
        alone(path)


def test_lines_are_those_of_the_file(tmp_path: Path):
    path = tmp_path / "features.csv"
    path.write_text('patient,x,note\n\nP1,1.5,"a\nb"\n\nP2,large,c\n')
    with pytest.raises(TableError, match="column 'x', line 6, patient 'P2': found 'large'"):
        alone(path, "imaging")


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_text_is_called_by_its_new_name(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / f"codes.{kind}"
    if kind == "csv":
        path.write_text("patient,k,y\nP1,10.0,1.0\nP2,12,2.0\n")
    else:
        pd.DataFrame({"patient": ["P1", "P2"], "k": ["10.0", "12"], "y": ["1.0", "2.0"]}).to_excel(path, index=False)
    monkeypatch.setattr("bayesrg.cohort.opening.open_delimited", lambda *_: None)
    cohort = alone(path, rename={"k": "code"}, text=["code"])
    assert cohort["code"].values.tolist() == ["10.0", "12"]
    assert cohort["y"].attrs["kind"] == "number"


def test_text_of_a_long_table_keeps_its_zeros(tmp_path: Path):
    path = tmp_path / "long.csv"
    path.write_text("patient,what,value\nP1,code,1.50\nP2,code,2.0\nP1,age,50\n")
    cohort = alone(path, layout="long", name="what", value="value", text=["code"])
    assert cohort["code"].values.tolist() == ["1.50", "2.0"]
    assert cohort["age"].values.tolist()[0] == 50


def test_one_long_remark_of_a_dataset_does_not_widen_every_cell():
    remarks = np.array(["x" * 20_000, *["short"] * 99], dtype=object)
    data = xr.Dataset({"remark": ("patient", remarks)}, {"patient": [f"P{n:02d}" for n in range(100)]})
    kept = join({"notes": Source(data, "clinical")})["remark"]
    assert kept.dtype == object
    assert kept.values.tolist() == remarks.tolist()
    assert join({"notes": Source(data.isel(patient=slice(1, None)), "clinical")})["remark"].dtype.kind == "U"


def test_infinite_values_of_datasets_are_refused():
    values = np.array([[1.0, np.nan], [-np.inf, 0.0]])
    data = xr.Dataset(
        {"log2_ratio": (("patient", "gene"), values)}, {"patient": ["P1", "P2"], "gene": ["TP53", "EGFR"]}
    )
    with pytest.raises(
        TableError, match="'ratios', variable 'log2_ratio': 1 values are infinite: patient P2, gene TP53"
    ):
        join({"ratios": Source(data, "genome")})


@pytest.mark.parametrize("name", ["a/b", "a\\b", ".", "..", "zarr.json", "x" * 256])
def test_names_that_no_folder_can_have_are_refused_or_mended(name: str):
    table = pd.DataFrame({"patient": ["P1"], name: ["G2"]})
    with pytest.raises(TableError, match="another name that no folder can have"):
        alone(table)
    with pytest.warns(UserWarning, match="could not be those of files"):
        cohort = alone(table, names="mend")
    (mended,) = [str(held) for held in cohort.data_vars if held != "present"]
    assert mended not in ("", name)
    assert len(mended) < 256
    assert cohort[mended].values.tolist() == ["G2"]
