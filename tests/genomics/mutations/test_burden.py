"""The burden: variants that count, over the size in which they were looked for."""

import numpy as np
import pytest

from bayesrg.errors import SettingsError
from bayesrg.genomics.mutations.encoding import encode_mutations


def test_burden_counts_what_it_says_over_the_size_that_is_given(variants):
    table = variants(
        ("A1", "TP53"), ("A1", "TP53", "Silent"), ("A1", "IDH1", "Frame_Shift_Del", "DEL"), ("A1", "IDH1", "Intron")
    )
    assert "tumor_mutational_burden" not in encode_mutations(table)
    rate = encode_mutations(table, exome_size=2.0)["tumor_mutational_burden"]
    assert rate.values.tolist() == [0.5]
    assert rate.attrs["units"] == "1/Mb"
    coding = encode_mutations(table, exome_size=2.0, burden="coding")["tumor_mutational_burden"]
    assert coding.values.tolist() == [1.5]
    assert "silent" in coding.attrs["counted"]


def test_burden_by_the_size_of_each_panel(variants):
    table = variants(("A1", "TP53"), ("B2", "TP53"))
    on, panels = {"a": ["TP53"], "b": ["TP53"]}, {"A1": "a", "B2": "b"}
    encoded = encode_mutations(table, assayed=on, panels=panels, exome_size={"a": 1.0, "b": 4.0})
    assert encoded["tumor_mutational_burden"].values.tolist() == [1.0, 0.25]
    mixed = encode_mutations(
        table, assayed=on, panels=panels, exome_size={"a": 1.0, "b": 4.0}, samples={"A1": "P", "B2": "P"}
    )
    assert np.isnan(mixed["tumor_mutational_burden"]).all()


def test_burden_by_the_size_of_each_patient_or_sample(variants):
    table = variants(("A1", "TP53"), ("B2", "TP53"))
    on = {"A1": ["TP53"], "B2": ["TP53"]}
    for assayed in (on, ["TP53"], None):
        encoded = encode_mutations(table, assayed=assayed, exome_size={"A1": 1.0, "B2": 2.0})
        assert encoded["tumor_mutational_burden"].values.tolist() == [1.0, 0.5]
    both = {"A1": 1.0, "A": 4.0, "B": 2.0}
    encoded = encode_mutations(table, samples={"A1": "A", "B2": "B"}, exome_size=both)
    assert encoded["tumor_mutational_burden"].values.tolist() == [1.0, 0.5]
    with pytest.raises(SettingsError, match="names no size for B2;"):
        encode_mutations(table, assayed=on, exome_size={"A1": 1.0})
    with pytest.warns(UserWarning, match="exome_size: 1 sizes are not used, .*: B3"):
        encode_mutations(table, assayed=on, exome_size={"A1": 1.0, "B2": 2.0, "B3": 2.0})


def test_sizes_of_panels_that_nobody_had_are_no_mistake(variants):
    table = variants(("A1", "TP53"))
    on = {"a": ["TP53"], "b": ["TP53", "IDH1"]}
    encoded = encode_mutations(table, assayed=on, panels={"A1": "a"}, exome_size={"a": 2.0, "b": 3.0})
    assert encoded["tumor_mutational_burden"].values.tolist() == [0.5]


def test_a_variant_in_no_gene_counts_in_the_burden_only(variants):
    table = variants(("A1", "TP53"), ("A1", None))
    encoded = encode_mutations(table, exome_size=1.0)
    assert encoded["gene"].values.tolist() == ["TP53"]
    assert encoded["tumor_mutational_burden"].values.tolist() == [2.0]
    assert encoded.attrs["rows_without_gene"] == 1
