"""Who is in which source and what is missing: the rows, the numbers, and how they are drawn."""

import numpy as np
import pandas as pd
import pytest

from bayesrg.cohort import Source, join, membership, missing_by_variable, restrict
from bayesrg.reporting.cohort import combinations_plot, missingness_map
from bayesrg.reporting.cohort.combinations import MOST, combinations_blocks, count_combinations
from bayesrg.reporting.cohort.missingness import MOST_COLUMNS, MOST_ROWS, missingness_figure, rows_of_map


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.fixture
def small():
    """Three patients, two sources; the second lacks one patient and one value."""
    first = pd.DataFrame({"patient": ["A", "B", "C"], "volume": [1.0, 2.0, np.nan]})
    second = pd.DataFrame({"patient": ["A", "B"], "grade": ["II", ""]})
    return join({"imaging": Source(first, "imaging"), "clinic": Source(second, "clinical")})


def test_combinations_count_everybody_once(tangled):
    table = count_combinations(tangled)
    assert table["patients"].sum() == tangled.sizes["patient"]
    assert (np.diff(table["patients"]) <= 0).all()
    who = membership(tangled).drop(columns="why")
    for _, row in table.iterrows():
        assert (who == row[who.columns].astype(bool)).all(axis=1).sum() == row["patients"]


def test_combinations_are_drawn_with_their_numbers(small):
    figure, table = combinations_blocks(small)
    assert {"imaging", "clinic", "3", "2", "2 (67 %)", "1 (33 %)"} <= set(texts(combinations_plot(small)))
    assert "imaging, clinic: 2 (67 %); imaging: 1 (33 %)" in figure.alt
    assert table.csv.splitlines() == [
        "combination,imaging,clinic,patients,share",
        "0,True,True,2,0.6666666666666666",
        "1,True,False,1,0.3333333333333333",
    ]
    markers = [line for line in combinations_plot(small).axes[0].lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in markers] == [0, 2, 1, 1]


def test_rare_combinations_share_a_bar():
    rng = np.random.default_rng(2)
    sources = {}
    for number in range(7):
        some = [f"P{k}" for k in range(120) if rng.random() < 0.5]
        sources[f"s{number}"] = Source(pd.DataFrame({"patient": some, f"v{number}": 1.0}), "clinical")
    cohort = join(sources)
    table = count_combinations(cohort)
    assert len(table) > MOST
    words = texts(combinations_plot(cohort))
    assert f"{len(table) - MOST} other combinations" in words
    drawn = [int(text.split(" (")[0]) for text in words if text.endswith(" %)")]
    assert sum(drawn) == cohort.sizes["patient"]


def test_the_map_has_a_row_a_variable_with_its_share(small):
    rows = rows_of_map(small)
    assert [(row.name, row.source, round(row.share, 3)) for row in rows] == [
        ("volume", "imaging", 0.333),
        ("grade", "clinic", 0.667),
    ]
    np.testing.assert_array_equal(rows[0].missing, [0, 0, 1])
    np.testing.assert_array_equal(rows[1].missing, [0, 1, np.nan])
    assert {"volume", "33 %", "grade", "67 %", "imaging (imaging)", "clinic (clinical)"} <= set(
        texts(missingness_map(small))
    )
    assert "grade (clinic) 67 %; volume (imaging) 33 %" in missingness_figure(small).alt


def test_rows_of_one_source_and_role_stand_together():
    table = pd.DataFrame({"patient": ["P1"], "a": [1.0], "b": [2.0], "c": ["x"]})
    other = pd.DataFrame({"patient": ["P1"], "age": [50]})
    vasari = Source(table, "imaging", roles={"b": "clinical"})
    cohort = join({"vasari": vasari, "clinic": Source(other, "clinical")})
    words = texts(missingness_map(cohort))
    assert [word for word in words if "(" in word] == ["vasari (imaging)", "vasari (clinical)", "clinic (clinical)"]
    assert sorted(words.index(word) for word in ("a", "c", "b")) == [words.index(word) for word in ("a", "c", "b")]


def test_nothing_is_missing_of_a_region_that_there_is_not():
    ages = pd.DataFrame({"patient": ["P1", "P2"], "age": [1, 2]})
    biopsies = pd.DataFrame({"patient": ["P1", "P2"], "place": ["a", "a"], "purity": [0.9, 0.2]})
    cohort = join({"clinic": Source(ages, "clinical"), "biopsies": Source(biopsies, "genome", region="place")})
    cohort = restrict(cohort, where=cohort["genome"].sel(gene="purity") > 0.5, reason="Pure")
    rows = {row.name: row for row in rows_of_map(cohort)}
    np.testing.assert_array_equal(rows["purity"].missing, [0, np.nan])
    assert rows["purity"].share == 0
    assert "not in the source, or no region" in texts(missingness_map(cohort))


def test_the_caption_says_whose_values_are_counted(small, tangled):
    assert "the source does not have." in missingness_figure(small).caption
    assert "of tumours, those that the cohort has." in missingness_figure(tangled).caption


def test_shares_of_the_map_are_those_of_the_table(tangled):
    shares = missing_by_variable(tangled)["share"]
    for row in rows_of_map(tangled):
        assert row.share == pytest.approx(shares[row.name])


def test_many_variables_share_a_row_and_many_patients_a_column():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(5000, 90))
    values[rng.random(values.shape) < np.linspace(0, 0.9, 90)] = np.nan
    table = pd.DataFrame(values, columns=[f"f{k}" for k in range(90)])
    table = table.assign(patient=[f"P{k:04d}" for k in range(5000)])
    cohort = join({"imaging": Source(table, "imaging")})
    rows = rows_of_map(cohort)
    assert len(rows) <= MOST_ROWS
    assert rows[-1].name == f"{90 - len(rows) + 1} others"
    kept = [int(row.name[1:]) for row in rows[:-1]]
    assert set(range(60, 90)) <= set(kept)
    rest = np.isnan(values[:, [k for k in range(90) if k not in kept]])
    assert rows[-1].share == pytest.approx(rest.mean())
    np.testing.assert_allclose(rows[-1].missing, rest.mean(axis=1))
    figure = missingness_figure(cohort)
    assert f"some {-(-5000 // MOST_COLUMNS)} patients" in figure.caption
    assert len(figure.svg) < 1e6


def test_nothing_and_nobody_are_drawn_too(small):
    nobody = restrict(small, patients=[], reason="None")
    assert "0 patients" in missingness_figure(nobody).alt
    assert "imaging" in texts(combinations_plot(nobody))
    table = pd.DataFrame({"patient": ["A"], "volume": [np.nan]})
    assert "100 %" in texts(missingness_map(join({"imaging": Source(table, "imaging")})))
