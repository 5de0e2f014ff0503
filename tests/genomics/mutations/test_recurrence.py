"""How often genes are mutated, genes chosen by it, and indicators as sparse matrices."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.mutations import recurrence as recurrence_module
from bayesrg.genomics.mutations.recurrence import list_mutated, recurrence, select_genes, to_sparse

NAN = np.nan


def encoded(values, genes="ABC"):
    values = np.asarray(values, dtype=float)
    coords = {"patient": [f"P{row}" for row in range(len(values))], "gene": list(genes)}
    return xr.Dataset({"mutated": (("patient", "gene"), values)}, coords, {"history": "encode_mutations"})


DATA = encoded([[1, 0, NAN], [1, 1, NAN], [0, NAN, NAN], [1, 0, NAN]])


def test_numbers_and_exact_intervals():
    table = recurrence(DATA)
    assert table.index.tolist() == ["A", "B", "C"]
    assert table["mutated"].tolist() == [3, 1, 0]
    assert table["assayed"].tolist() == [4, 3, 0]
    for gene, row in table.drop("C").iterrows():
        expected = binomtest(int(row["mutated"]), int(row["assayed"])).proportion_ci(method="exact")
        assert row[["lower", "upper"]].tolist() == pytest.approx(list(expected)), gene
    assert table.loc["C", ["share", "lower", "upper"]].isna().all()


@pytest.mark.parametrize(("hits", "n"), [(0, 7), (7, 7), (3, 7)])
def test_limits_at_the_ends(hits, n):
    row = recurrence(encoded([[1.0]] * hits + [[0.0]] * (n - hits), "A"), interval=0.9).loc["A"]
    expected = binomtest(hits, n).proportion_ci(0.9, method="exact")
    assert row[["lower", "upper"]].tolist() == pytest.approx(list(expected))


def test_blocks_add_up(monkeypatch):
    whole = recurrence(DATA), list_mutated(DATA), to_sparse(DATA)
    monkeypatch.setattr(recurrence_module, "_CELLS", 1)
    assert recurrence(DATA).equals(whole[0])
    assert list_mutated(DATA).equals(whole[1])
    assert (to_sparse(DATA)[0] != whole[2][0]).nnz == 0


def test_genes_by_number_share_or_name():
    assert select_genes(DATA, minimum_patients=2)["gene"].values.tolist() == ["A"]
    assert select_genes(DATA, minimum_share=0.3)["gene"].values.tolist() == ["A", "B"]
    assert select_genes(DATA, names=["C", "A"])["gene"].values.tolist() == ["C", "A"]
    both = select_genes(DATA, names=["C", "B", "A"], minimum_patients=1)
    assert both["gene"].values.tolist() == ["B", "A"]
    assert both.attrs["genes_left_out"] == 1
    assert both.attrs["history"].splitlines()[0] == "encode_mutations"
    assert "left_out=1" in both.attrs["history"].splitlines()[1]
    assert "genes_left_out" not in DATA.attrs


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, SettingsError, "give minimum_patients"),
        ({"minimum_patients": -1}, SettingsError, "0 or more"),
        ({"minimum_share": 5}, SettingsError, "from 0 to 1"),
        ({"minimum_patients": 9}, TableError, "none of the 3 genes"),
        ({"names": ["A", "X"]}, TableError, "1 of 2 genes are not among the dataset's 3: X"),
        ({"names": ["A", "A"]}, TableError, "more than once"),
    ],
)
def test_choices_that_cannot_be_made(options, error, message):
    with pytest.raises(error, match=message):
        select_genes(DATA, **options)


def test_what_is_no_indicator_is_refused():
    with pytest.raises(TableError, match="mutated holds 2 for patient P1, gene B"):
        recurrence(encoded([[0, 1, 0], [0, 2, 0]]))
    with pytest.raises(TableError, match="no variable 'mutated'"):
        recurrence(DATA.rename(mutated="other"))
    with pytest.raises(TableError, match="expected a unit"):
        recurrence(DATA["mutated"].rename(gene="feature"))
    with pytest.raises(SettingsError, match="interval is 95"):
        recurrence(DATA, interval=95)


@given(arrays(float, st.tuples(st.integers(1, 6), st.just(3)), elements=st.sampled_from([0.0, 1.0, NAN])))
def test_sparse_and_mask_hold_everything(values):
    indicators, assayed = to_sparse(encoded(values))
    dense = np.where(assayed, indicators.toarray(), NAN)
    np.testing.assert_array_equal(dense, values)
    assert indicators.nnz == (values == 1).sum()


def test_dims_in_any_order():
    assert recurrence(DATA.transpose("gene", "patient")).equals(recurrence(DATA))
