"""Sparse counting agrees with counting by hand, for any and for all samples of a patient, on mixed panels."""

import math

import numpy as np
import pandas as pd
from hypothesis import assume, given
from hypothesis import strategies as st

from bayesrg.genomics.mutations.encoding import encode_mutations
from bayesrg.genomics.mutations.tally import recognise_variants

GENES = ["ATRX", "IDH1", "TP53"]
ON = {"one": ["TP53"], "two": ["IDH1", "TP53"], "three": GENES}
SAMPLES = {"a1": "A", "a2": "A", "a3": "A", "b1": "B", "b2": "B", "c1": "C"}

drawn = st.lists(
    st.tuples(st.sampled_from(sorted(SAMPLES)), st.sampled_from(GENES), st.integers(1, 3)),
    min_size=1,
    max_size=40,
    unique=True,
)
drawn_panels = st.fixed_dictionaries({sample: st.sampled_from(sorted(ON)) for sample in SAMPLES})


def count_by_hand(rows, panels, shared):
    """Mutated and number of variants for each patient and gene, by the definition and slowly."""
    mutated, number = {}, {}
    for patient in "ABC":
        for gene in GENES:
            looked = [s for s, p in SAMPLES.items() if p == patient and gene in ON[panels[s]]]
            found = [{start for sample, name, start in rows if (sample, name) == (s, gene)} for s in looked]
            if not looked:
                mutated[patient, gene] = number[patient, gene] = math.nan
                continue
            mutated[patient, gene] = float(all(found) if shared else any(found))
            number[patient, gene] = float(len(set.intersection(*found) if shared else set.union(*found)))
    return mutated, number


@given(drawn, drawn_panels, st.booleans())
def test_any_and_all_by_hand(rows, panels, shared):
    rows = [row for row in rows if row[1] in ON[panels[row[0]]]]
    assume(rows)
    table = pd.DataFrame(rows, columns=["sample", "gene", "start"])
    # A place belongs to one gene, as it does in a genome.
    table["start"] += 10 * table["gene"].map(GENES.index)
    table = table.assign(chromosome="1", end=table["start"], reference="C", alternative="T")
    table = table.assign(classification="Missense_Mutation", variant_type="SNP", variant_allele_fraction=0.5)
    encoded = encode_mutations(
        table, samples=SAMPLES, assayed=ON, panels=panels, several="all" if shared else "any", exome_size=1.0
    )
    mutated, number = count_by_hand(rows, panels, shared)
    genes = encoded["gene"].values.tolist()
    np.testing.assert_array_equal(encoded["mutated"], [[mutated[p, g] for g in genes] for p in "ABC"])
    np.testing.assert_array_equal(encoded["variant_count"], [[number[p, g] for g in genes] for p in "ABC"])
    carried = (encoded["variant_count"] > 0).to_numpy()
    np.testing.assert_array_equal(encoded["variant_allele_fraction"], np.where(carried, 0.5, np.nan))
    if not shared:
        np.testing.assert_array_equal(encoded["tumor_mutational_burden"], encoded["variant_count"].sum("gene"))


def test_a_variant_is_known_again_by_place_and_alleles():
    table = pd.DataFrame(
        {
            "chromosome": ["1", "1", "2", "1", "1"],
            "start": [5, 5, 5, 5, 5],
            "end": [5, 5, 5, 5, 6],
            "reference": ["C", "C", "C", None, "C"],
            "alternative": ["T", "T", "T", "T", "T"],
        }
    )
    numbers = recognise_variants(table)
    assert numbers[0] == numbers[1]
    assert len(set(numbers.tolist())) == 4
    assert len(set(recognise_variants(table.drop(columns="start")).tolist())) == 5


def test_without_all_columns_a_variant_lies_in_one_gene():
    table = pd.DataFrame({"gene": ["TP53", "EGFR", "TP53", None, None], "start": [5, 5, 5, 5, 5]})
    first, second, third, *others = recognise_variants(table).tolist()
    assert first == third != second
    assert len({first, second, *others}) == 4


def test_a_row_without_a_place_is_a_variant_of_its_own():
    table = pd.DataFrame({"chromosome": ["1", "1", None, None], "start": [np.nan, np.nan, 5, 5], "end": 5})
    table = table.assign(gene="TP53", reference="C", alternative="T")
    assert len(set(recognise_variants(table).tolist())) == 4
