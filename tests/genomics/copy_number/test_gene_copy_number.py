"""Copy number of genes from segments: overlaps against single bases, samples placed."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.copy_number.gene_copy_number import genes_of_segments


def make_segments(*rows):
    columns = ["sample", "chromosome", "start", "end", "log2_ratio"]
    return pd.DataFrame(rows, columns=columns)


def make_genes(*rows):
    return pd.DataFrame(rows, columns=["gene", "chromosome", "start", "end"])


TWO = make_segments(
    ("P1", "1", 1, 100, -1.0), ("P1", "1", 151, 300, 0.5), ("P2", "1", 1, 1000, 0.25), ("P2", "X", 1, 1000, -0.5)
)  # fmt: skip


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("mean", (20 * -1.0 + 40 * 0.5) / 60),
        ("maximum", 0.5),
        ("minimum", -1.0),
        ("middle", np.nan),  # base 135 is between the segments
    ],
)
def test_a_gene_on_two_segments(how, expected):
    found = genes_of_segments(TWO, make_genes(("A", "1", 81, 190)), how=how)["log2_ratio"]
    np.testing.assert_allclose(found.sel(gene="A"), [expected, 0.25])


def test_edges_belong_to_segments_and_uncovered_genes_are_missing():
    genes = make_genes(("before", "1", 101, 150), ("first", "1", 100, 150), ("last", "1", 101, 151), ("X", "X", 5, 6))
    found = genes_of_segments(TWO, genes)["log2_ratio"]
    np.testing.assert_allclose(
        found.sel(patient="P1", gene=["before", "first", "last", "X"]), [np.nan, -1.0, 0.5, np.nan]
    )
    assert found.attrs["n_not_covered"] == 0


def test_least_covered_share():
    gene = make_genes(("A", "1", 91, 110), ("B", "1", 1, 2))
    half = genes_of_segments(TWO, gene, least_covered=0.5)["log2_ratio"].sel(gene="A", patient="P1")
    more = genes_of_segments(TWO, gene, least_covered=0.51)["log2_ratio"].sel(gene="A", patient="P1")
    assert half == -1.0
    assert np.isnan(more)


@given(data=st.data())
def test_overlaps_are_those_of_single_bases(data):
    cuts = sorted(data.draw(st.sets(st.integers(2, 60), min_size=1, max_size=8)))
    edges = [1, *cuts, 61]
    keep = data.draw(st.lists(st.booleans(), min_size=len(edges) - 1, max_size=len(edges) - 1))
    rows = [
        ("P", "3", first, last - 1, float(place % 5) - 2.0)
        for place, (first, last) in enumerate(pairwise(edges))
        if keep[place]
    ]
    rows.append(("P", "3", 200, 201, 0.0))
    first = data.draw(st.integers(1, 70))
    last = data.draw(st.integers(first, 70))
    genes = make_genes(("A", "3", first, last), ("other", "3", 200, 200))
    by_base = {base: row[4] for row in rows for base in range(row[2], row[3] + 1)}
    covered = [by_base[base] for base in range(first, last + 1) if base in by_base]
    expected = {
        "mean": np.mean(covered) if covered else np.nan,
        "maximum": max(covered, default=np.nan),
        "minimum": min(covered, default=np.nan),
        "middle": by_base.get((first + last) // 2, np.nan),
    }
    for how, value in expected.items():
        found = genes_of_segments(make_segments(*rows), genes, how=how)["log2_ratio"].sel(gene="A").item()
        assert found == pytest.approx(value, nan_ok=True)


def test_order_of_rows_and_genes_does_not_matter():
    genes = make_genes(("A", "1", 81, 190), ("B", "X", 5, 6))
    shuffled = genes_of_segments(TWO.iloc[[3, 1, 2, 0]], genes.iloc[::-1])
    xr.testing.assert_equal(
        genes_of_segments(TWO, genes)["log2_ratio"], shuffled["log2_ratio"].sel(patient=["P1", "P2"])
    )


def test_samples_are_placed():
    who = pd.DataFrame({"sample": ["P1", "P2"], "patient": ["one", "one"], "region": ["a", "b"]})
    genes = make_genes(("A", "1", 1, 100))
    regions = genes_of_segments(TWO, genes, samples=who, level="region")
    assert regions["region"].values.tolist() == ["one/a", "one/b"]
    assert genes_of_segments(TWO, genes, samples=who, several="mean")["log2_ratio"].values.tolist() == [[-0.375]]
    with pytest.raises(TableError, match="one for one: P1, P2"):
        genes_of_segments(TWO, genes, samples=who)
    assert genes_of_segments(TWO, genes, level="sample")["log2_ratio"].dims == ("sample", "gene")


def test_segments_and_genes_of_other_builds_or_species():
    with pytest.raises(TableError, match="no segment covers any of the 1 genes: segments are on chromosomes 1, X"):
        genes_of_segments(TWO, make_genes(("A", "2", 1, 100)))
    with pytest.raises(SettingsError, match="how is 'median'"):
        genes_of_segments(TWO, make_genes(("A", "1", 1, 2)), how="median")
    with pytest.raises(SettingsError, match="least_covered is 2"):
        genes_of_segments(TWO, make_genes(("A", "1", 1, 2)), least_covered=2)


def test_genes_that_are_covered_too_little_are_of_no_other_build():
    gap = make_genes(("A", "1", 91, 160), ("B", "1", 101, 150))
    segments = TWO[TWO["sample"] == "P1"]
    with pytest.raises(TableError, match=r"overlap 1 of the 2 genes.*least_covered=0\.9 of their bases; give a lower"):
        genes_of_segments(segments, gap, least_covered=0.9)
    with pytest.raises(TableError, match=r"overlap 1 of the 2 genes.*cover their middle \(how='middle'\)"):
        genes_of_segments(segments, gap, how="middle")
    with pytest.raises(TableError, match="no segment covers any of the 1 genes"):
        genes_of_segments(segments, gap[1:], how="middle", least_covered=0.5)
