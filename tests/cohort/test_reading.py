"""Tables from files of every kind, long and wide; columns of every kind."""

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.cohort.flattening import to_table
from bayesrg.cohort.joining import join
from bayesrg.cohort.missingness import missing_by_variable
from bayesrg.cohort.source import Source
from bayesrg.errors import SettingsError, TableError

TABLE = pd.DataFrame(
    {
        "patient": ["007", "008", "009"],
        "age": [50, None, 61],
        "grade": ["G2", "NA", "G3"],
        "relapse": [True, False, None],
        "volume": [8.1, 4.5, 2.0],
    }
)


def write(folder: Path, kind: str) -> Path:
    path = folder / f"table.{kind}"
    if kind == "parquet":
        TABLE.to_parquet(path)
    elif kind == "xlsx":
        TABLE.to_excel(path, index=False)
    else:
        TABLE.to_csv(path, index=False, sep="\t" if "tsv" in kind else ",")
    return path


def alone(table: object, **options: object) -> xr.Dataset:
    return join({"study": Source(table, "clinical", **options)})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "tsv", "parquet", "xlsx"])
def test_every_kind_of_file_gives_the_same_cohort(kind: str, tmp_path: Path):
    found = alone(write(tmp_path, kind), roles={"volume": "imaging"})
    xr.testing.assert_identical(found, alone(TABLE, roles={"volume": "imaging"}))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_messages_name_the_file_and_the_line(kind: str, tmp_path: Path):
    path = tmp_path / f"doses.{kind}"
    table = pd.DataFrame({"patient": ["P1", "P2", "P2"], "dose": [60.0, 54.0, 50.0]})
    table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
    rows = r"line 3 \(P2\) and line 4" if kind == "csv" else r"row 2 \(P2\) and row 3"
    with pytest.raises(TableError, match=rf"source 'study' \(.*doses\.{kind}\) has several rows .*{rows}"):
        alone(path)


def test_absent_and_damaged_files_are_refused(tmp_path: Path):
    with pytest.raises(TableError, match="no such table"):
        alone(tmp_path / "none.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(TableError, match="could not be read"):
        alone(tmp_path / "broken.parquet")
    with pytest.raises(TableError, match="no such table"):
        alone(tmp_path / "none.csv")


def test_parquet_with_an_index_is_read_with_its_labels(tmp_path: Path):
    TABLE.set_index("patient").to_parquet(tmp_path / "indexed.parquet")
    xr.testing.assert_identical(alone(tmp_path / "indexed.parquet"), alone(TABLE))
    xr.testing.assert_identical(alone(TABLE.set_index("patient")), alone(TABLE))


def test_columns_without_names_are_mended_on_request(tmp_path: Path):
    path = tmp_path / "published.csv"
    path.write_text("patient,grade,,grade\nP1,G2,1,2\n")
    with pytest.raises(TableError, match="column 3 of 4 has no name"):
        alone(path)
    with pytest.warns(UserWarning, match="column 3 is called 'column_3'"):
        assert {"grade", "grade_2", "column_3"} <= set(alone(path, names="mend"))


def test_columns_are_renamed_and_options_use_the_new_name():
    cohort = alone(TABLE, rename={"age": "age_years"}, units={"age_years": "a"}, exclude=["grade"])
    assert cohort["age_years"].attrs["units"] == "a"
    assert "grade" not in cohort
    with pytest.raises(TableError, match=r"no column 'aged' \(named in rename=\); did you mean 'age'"):
        alone(TABLE, rename={"aged": "age_years"})
    with pytest.raises(TableError, match="rename= gives two columns the name grade"):
        alone(TABLE, rename={"age": "grade"})
    with pytest.raises(SettingsError, match="rename= names 'patient'"):
        alone(TABLE, rename={"patient": "who"})
    data = xr.Dataset({"mutated": ("patient", [1.0])}, {"patient": ["P1"]})
    assert "tp53" in join({"panel": Source(data, "genome", rename={"mutated": "tp53"})})


def test_kinds_of_columns():
    table = pd.DataFrame(
        {
            "patient": ["P1", "P2", "P3"],
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "logical": ["TRUE", "FALSE", "NA"],
            "flag": pd.array([True, None, False], dtype="boolean"),
            "code": ["01", "02", "10"],
            "stage": pd.Categorical(["II", None, "I"], categories=["I", "II", "III"], ordered=True),
            "seen": pd.to_datetime(["2020-01-31", None, "2021-02-01"]),
            "zoned": pd.to_datetime(["2020-01-31T12:00+02:00"] * 3),
            "born": [datetime.date(1950, 1, 1), None, datetime.date(1960, 1, 1)],
            "left": ["2020-05-31", "", "2020-06-30"],
            "followed": pd.to_timedelta([1, None, 3], unit="D"),
            "number": ["1.5", "", "2"],
            "zip": ["1", "2", ""],
            "coded": [1.0, 9.0, 2.0],
            "remark": ["x" * 300, None, "short"],
        }
    )
    cohort = alone(table, dates=["left"], text=["zip"], missing=[9])
    kinds = {name: cohort[name].attrs["kind"] for name in table if name != "patient"}
    assert kinds == {
        "whole": "number",
        "logical": "boolean",
        "flag": "boolean",
        "code": "text",
        "stage": "category",
        "seen": "date",
        "zoned": "date",
        "born": "date",
        "left": "date",
        "followed": "duration",
        "number": "number",
        "zip": "text",
        "coded": "number",
        "remark": "text",
    }
    assert missing_by_variable(cohort)["missing"].drop(["code", "zoned"]).unique().tolist() == [1]
    assert missing_by_variable(cohort)["missing"][["code", "zoned"]].tolist() == [0, 0]
    assert cohort["zoned"].values[0] == np.datetime64("2020-01-31T10:00")
    flat = to_table(cohort)
    assert flat["stage"].cat.categories.tolist() == ["I", "II"]
    assert flat["stage"].cat.ordered
    assert flat["flag"].dtype == "boolean"
    assert flat["flag"].isna().tolist() == [False, True, False]
    assert flat["remark"].isna().tolist() == [False, True, False]
    assert flat["born"].dt.year.tolist()[0] == 1950


def test_words_for_missing_are_the_users():
    table = TABLE.assign(grade=["G2", "Not Collected", "G3"])
    assert missing_by_variable(alone(table)).loc["grade", "missing"] == 0
    assert missing_by_variable(alone(table, missing=["Not Collected"])).loc["grade", "missing"] == 1


def test_cohorts_are_stored_and_read_back(tmp_path: Path):
    table = TABLE.assign(seen=pd.to_datetime(["2020-01-31", None, "2021-02-01"]), remark=["x" * 300, None, "short"])
    cohort = alone(table, roles={"volume": "imaging"}, units={"volume": "mL"})
    cohort.to_zarr(tmp_path / "cohort.zarr", consolidated=False)
    cohort.to_netcdf(tmp_path / "cohort.nc", engine="scipy")
    for stored in (
        xr.open_zarr(tmp_path / "cohort.zarr", consolidated=False),
        xr.open_dataset(tmp_path / "cohort.nc", engine="scipy"),
    ):
        with stored:
            xr.testing.assert_equal(stored.load(), cohort)
            assert stored.attrs == cohort.attrs
            wanted = missing_by_variable(cohort)
            pd.testing.assert_frame_equal(missing_by_variable(stored).loc[wanted.index], wanted, check_index_type=False)


@given(st.randoms(use_true_random=False))
def test_long_tables_are_wide_ones(random):
    wide = TABLE[["patient", "age", "volume"]]
    long = wide.melt("patient", var_name="what", value_name="amount").dropna()
    shuffled = long.iloc[random.sample(range(len(long)), len(long))]
    found = alone(shuffled, layout="long", name="what", value="amount")
    xr.testing.assert_identical(found, alone(wide))


def test_long_tables_hold_several_kinds():
    long = pd.DataFrame(
        {"patient": ["P1", "P1", "P2", "P2"], "what": ["age", "grade"] * 2, "amount": ["50", "G2", "61", "G3"]}
    )
    cohort = alone(long, layout="long", name="what", value="amount")
    assert cohort["age"].values.tolist() == [50, 61]
    assert cohort["grade"].values.tolist() == ["G2", "G3"]
    imaging = join({"a": Source(long, "imaging", layout="long", name="what", value="amount", columns=["age"])})
    assert imaging["imaging"].values.ravel().tolist() == [50, 61]


def test_long_tables_name_rows_and_columns_left_out():
    long = pd.DataFrame({"patient": ["P1", "P1"], "what": ["age", "age"], "amount": [50, 51], "unit": ["a", "a"]})
    options = {"layout": "long", "name": "what", "value": "amount"}
    with (
        pytest.raises(TableError, match=r"'age' of 'P1' stands in row '0' and row '1'"),
        pytest.warns(UserWarning, match="1 columns that are neither labels .* left out: unit"),
    ):
        alone(long, **options)
    with pytest.raises(TableError, match="'age' of 'P1'"):
        alone(long, exclude=["unit"], **options)
    with pytest.raises(TableError, match=r"row '1': column 'what' is empty"):
        alone(long.assign(what=["age", None]), exclude=["unit"], **options)
    with pytest.raises(TableError, match="no column 'amout'"):
        alone(long, layout="long", name="what", value="amout")


def test_parquet_is_read_in_batches_with_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(50, 30)), columns=[f"f{number}" for number in range(30)])
    table.insert(0, "patient", [f"P{number:02d}" for number in rng.permutation(50)])
    table.loc[7, "f3"] = np.nan
    table.to_parquet(tmp_path / "features.parquet")
    monkeypatch.setattr("bayesrg.cohort.opening._BATCH", 50 * 8 * 4)
    found = join({"features": Source(tmp_path / "features.parquet", "imaging")})
    xr.testing.assert_identical(found, join({"features": Source(table, "imaging")}))


def test_wide_text_tables_are_read_as_cell_by_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(40, 20)), columns=[f"f{number}" for number in range(20)])
    table.insert(0, "patient", [f"{number:03d}" for number in rng.permutation(40)])
    table.loc[[7, 9], "f3"] = np.nan
    table["lobe"] = "frontal, left"
    table["level"] = rng.integers(0, 5, 40)
    table["code"] = [f"{number:02d}" for number in range(40)]
    path = tmp_path / "features.csv"
    table.to_csv(path, index=False, na_rep="NA")
    options = {"units": {"f1": "mm"}, "rename": {"f2": "second"}}
    fast = join({"features": Source(path, "imaging", **options)})
    assert fast.sizes["feature"] == 21
    assert fast["code"].values[0] != "0"
    monkeypatch.setattr("bayesrg.cohort.opening.open_delimited", lambda *_: None)
    xr.testing.assert_identical(fast, join({"features": Source(path, "imaging", **options)}))
    xr.testing.assert_identical(fast, join({"features": Source(table, "imaging", **options)}))


def test_text_among_decimal_numbers_of_a_file_is_named_by_line(tmp_path: Path):
    path = tmp_path / "features.csv"
    path.write_text("patient,volume\nP1,8.1\n\nP2,large\n")
    with pytest.raises(TableError, match=r"features.csv.*column 'volume', line 4, patient 'P2': found 'large'"):
        join({"features": Source(path, "imaging")})
    path.write_text("patient,volume\nP1,8.1\nP2,3.0,7\n")
    with pytest.raises(TableError, match="could not be read"):
        join({"features": Source(path, "imaging")})


def test_slashes_in_names_are_mended_on_request():
    table = TABLE.rename(columns={"grade": "IDH/1p19q"})
    with pytest.raises(TableError, match=r"rename=\{'IDH/1p19q': 'IDH_1p19q'\} or names='mend'"):
        alone(table)
    with pytest.warns(UserWarning, match="'IDH/1p19q' is called 'IDH_1p19q'"):
        cohort = alone(table, names="mend", roles={"IDH_1p19q": "genome"})
    assert cohort["IDH_1p19q"].values.tolist() == ["G2", "", "G3"]
