"""Real leukaemias: patients mutated in each gene, as others counted them in the same file."""

import pandas as pd
import pytest
import xarray as xr

from bayesrg import datasets
from bayesrg.genomics.mutations.encoding import encode_mutations
from bayesrg.genomics.mutations.maf import read_maf, read_variants
from bayesrg.genomics.mutations.recurrence import recurrence

# Samples with a nonsynonymous variant: the first six as maftools prints them for this file (getGeneSummary,
# https://rdrr.io/pkg/maftools/man/getGeneSummary.html), which also counts 475 silent variants.
PUBLISHED = {
    "FLT3": 52,
    "DNMT3A": 48,
    "NPM1": 33,
    "IDH2": 20,
    "IDH1": 18,
    "TET2": 17,
    "RUNX1": 16,
    "TP53": 15,
    "NRAS": 15,
    "CEBPA": 13,
}


@pytest.fixture(scope="module")
def leukaemias():
    return read_variants(datasets.path("laml/tcga_laml.maf.gz"), build="GRCh37")


@pytest.fixture(scope="module")
def everybody():
    return pd.read_csv(datasets.path("laml/tcga_laml_annot.tsv"), sep="\t")["Tumor_Sample_Barcode"].tolist()


@pytest.mark.data
def test_published_numbers_of_mutated_patients(leukaemias, everybody):
    encoded = encode_mutations(leukaemias, variants="snv+indel", patients=everybody)
    assert dict(encoded.sizes) == {"patient": 200, "gene": 1611}
    often = recurrence(encoded)
    assert often["mutated"].head(10).to_dict() == PUBLISHED
    assert (often["assayed"] == 200).all()
    assert encoded.attrs["rows_counted"] == 1732
    assert (often["mutated"] > 0).sum() == 1241
    # The seven patients of the clinical table without a row in the file are rows of zeros.
    assert int((encoded["variants"] == 0).sum()) == 7


@pytest.mark.data
def test_substitutions_alone_miss_the_insertions_of_npm1(leukaemias, everybody):
    often = recurrence(encode_mutations(leukaemias, patients=everybody))["mutated"]
    assert often["NPM1"] == 1
    assert (often["FLT3"], often["DNMT3A"], often["IDH2"], often["IDH1"]) == (15, 44, 20, 18)


@pytest.mark.data
def test_read_maf_does_both_in_one(leukaemias, everybody):
    path = datasets.path("laml/tcga_laml.maf.gz")
    encoded = read_maf(path, build="GRCh37", variants="snv+indel", patients=everybody, exome_size=35.8)
    expected = encode_mutations(leukaemias, variants="snv+indel", patients=everybody, exome_size=35.8)
    xr.testing.assert_identical(encoded, expected)
    steps = encoded.attrs["history"].splitlines()
    assert [line.split(":")[0] for line in steps] == ["read_variants", "encode_mutations"]
    assert read_maf(path).sizes["patient"] == 193
