"""Tables of variants that the tests of several modules encode."""

import pandas as pd
import pytest


def make_variants(*rows):
    """A table of variants from (sample, gene[, classification[, type[, start]]])."""
    whole = [(*row, *("Missense_Mutation", "SNP", number)[len(row) - 2 :]) for number, row in enumerate(rows, start=1)]
    table = pd.DataFrame(whole, columns=["sample", "gene", "classification", "variant_type", "start"])
    return table.assign(chromosome="1", end=table["start"], reference="C", alternative="T")


@pytest.fixture(scope="session")
def variants():
    """Make a table of variants; see `make_variants`."""
    return make_variants


@pytest.fixture(scope="session")
def several():
    """Variants of two patients with two samples each, of which one has none."""
    return make_variants(
        ("a1", "TP53", "Missense_Mutation", "SNP", 7),
        ("a2", "TP53", "Missense_Mutation", "SNP", 7),
        ("a1", "IDH1", "Missense_Mutation", "SNP", 3),
        ("a1", "ATRX", "Missense_Mutation", "SNP", 4),
        ("a2", "ATRX", "Missense_Mutation", "SNP", 5),
        ("b1", "IDH1", "Missense_Mutation", "SNP", 3),
    )


@pytest.fixture(scope="session")
def whose():
    """Whose the samples of `several` are."""
    return pd.DataFrame(
        {"sample": ["a1", "a2", "b1", "b2"], "patient": ["A", "A", "B", "B"], "region": ["r1", "r2", "r1", "r2"]}
    )
