"""What the encoders return is registered: every variable with its dims, its kind, a name and a unit, and a history."""

import numpy as np
import pandas as pd
import pytest

from bayesrg import genomics, variables

GENES = pd.DataFrame(
    {"gene": ["TP53", "EGFR"], "chromosome": ["17", "7"], "start": [100, 100], "end": [200, 200], "length": [101, 101]}
)
SEGMENTS = pd.DataFrame(
    {
        "sample": ["P1", "P1", "P2"],
        "chromosome": ["17", "7", "7"],
        "start": [1, 1, 1],
        "end": [500, 500, 150],
        "n_markers": [9, 9, 9],
        "log2_ratio": [-1.0, 0.5, 0.0],
    }
)
VARIANTS = pd.DataFrame(
    {"gene": ["TP53"], "sample": ["P1"], "classification": ["Missense_Mutation"], "variant_type": ["SNP"]}
)
COUNTS = pd.DataFrame({"P1": [5, 10], "P2": [0, 7]}, index=["TP53", "EGFR"])
BETA = pd.DataFrame({"P1": [0.2, 0.5], "P2": [0.8, np.nan]}, index=["cg01", "cg02"])
RATIOS = genomics.encode_copy_number(SEGMENTS, GENES)
EXPRESSION = genomics.encode_expression(COUNTS, {"TP53": 2000, "EGFR": 4000})
METHYLATION = genomics.encode_methylation(BETA)

DATA = {
    "mutations": genomics.encode_mutations(VARIANTS, exome_size=38.0, patients=["P1", "P2"]),
    "statuses": genomics.encode_statuses(pd.DataFrame({"patient": ["P1"], "TP53": ["wt"]})),
    "ratios": RATIOS,
    "copies": genomics.correct_purity(RATIOS, 0.7),
    "classes": genomics.discretise_copy_number(RATIOS),
    "altered": genomics.measure_altered_genome(SEGMENTS),
    "tpm": EXPRESSION,
    "fpkm": genomics.encode_expression(COUNTS, {"TP53": 2000, "EGFR": 4000}, measure="fpkm"),
    "cpm": genomics.encode_expression(COUNTS, measure="cpm"),
    "pathways": genomics.score_pathways(EXPRESSION, {"ERBB": ("TP53", "EGFR")}, minimum_genes=1),
    "methylation": METHYLATION,
    "bisulfite": genomics.encode_methylation(methylated_reads=BETA.fillna(0) * 10, coverage=BETA.fillna(0) * 0 + 10),
    "gene means": genomics.average_methylation(METHYLATION, {"cg01": "TP53", "cg02": "EGFR"}),
}


@pytest.mark.parametrize("name", DATA)
def test_variables_are_registered_with_names_and_units(name):
    data = DATA[name]
    variables.validate(data, *map(str, data.data_vars))
    for variable in data.data_vars.values():
        assert variable.attrs["long_name"]
        assert "units" in variable.attrs, variable.name
    assert data.attrs["history"].splitlines()


def test_every_registered_genomic_variable_is_made_by_an_encoder():
    made = {str(name) for data in DATA.values() for name in data.data_vars}
    first, last = (list(variables.VARIABLES).index(name) for name in ("mutated", "coverage"))
    assert set(list(variables.VARIABLES)[first : last + 1]) - made == {"count"}  # the input of encode_expression
