"""Joining: who and what is in the cohort, whatever the order of rows and sources; what cannot be joined is refused."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.cohort.flattening import to_table
from bayesrg.cohort.flow import read_flow
from bayesrg.cohort.joining import join
from bayesrg.cohort.membership import membership
from bayesrg.cohort.missingness import missing_by_patient, missing_by_variable
from bayesrg.cohort.source import Source
from bayesrg.errors import SettingsError, TableError

IMAGING = pd.DataFrame({"patient": ["P2", "P1", "P3"], "volume": [4.5, 8.1, 2.0], "side": ["left", "right", None]})
CLINICAL = pd.DataFrame({"patient": ["P1", "P4", "P2"], "age": [50, 61, 47], "death": [True, False, None]})


def study() -> dict[str, Source]:
    return {
        "imaging": Source(IMAGING, "imaging", units={"volume": "mL"}),
        "clinical": Source(CLINICAL, "clinical", roles={"death": "outcome"}),
    }


def mutations(patients=("P1", "P4"), genes=("IDH1", "TP53")) -> xr.Dataset:
    values = np.arange(len(patients) * len(genes), dtype=float).reshape(len(patients), len(genes))
    return xr.Dataset(
        {"mutated": (("patient", "gene"), values, {"long_name": "mutated", "units": "1"})},
        {"patient": list(patients), "gene": list(genes), "chromosome": ("gene", ["2", "17"][: len(genes)])},
        {"history": "encode_mutations: variants='snv'"},
    )


@st.composite
def tables(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables of some of the same patients, with values missing here and there."""
    numbers = st.floats(-100, 100) | st.just(float("nan"))
    drawn = []
    for columns in (("volume", "shape"), ("age", "dose")):
        who = draw(st.lists(st.integers(0, 9), min_size=1, max_size=8, unique=True))
        rows = [[f"P{one}", *(draw(numbers) for _ in columns)] for one in who]
        drawn.append(pd.DataFrame(rows, columns=["patient", *columns]))
    return drawn[0], drawn[1]


def joined(first: pd.DataFrame, second: pd.DataFrame) -> xr.Dataset:
    # A third table with everybody, so that none has nobody in common with the others.
    everyone = pd.DataFrame({"patient": sorted({*first["patient"], *second["patient"]}), "site": "A"})
    return join(
        {
            "imaging": Source(first, "imaging"),
            "clinical": Source(second, "clinical"),
            "sites": Source(everyone, "batch"),
        }
    )


def test_everybody_is_joined_and_nothing_is_repeated_or_made_up():
    cohort = join(study())
    assert cohort["patient"].values.tolist() == ["P1", "P2", "P3", "P4"]
    np.testing.assert_array_equal(cohort["imaging"].sel(feature="volume"), [8.1, 4.5, 2.0, np.nan])
    np.testing.assert_array_equal(cohort["age"], [50, 47, np.nan, 61])
    np.testing.assert_array_equal(cohort["death"], [1, np.nan, np.nan, 0])
    assert cohort["side"].values.tolist() == ["right", "left", "", ""]
    assert cohort["present"].values.tolist() == [[True, True], [True, True], [True, False], [False, True]]


def test_roles_sources_kinds_and_units_are_kept():
    cohort = join(study())
    assert cohort["imaging"].dims == ("patient", "feature")
    assert cohort["feature_source"].values.tolist() == ["imaging"]
    assert cohort["feature_units"].values.tolist() == ["mL"]
    assert {name: cohort[name].attrs["role"] for name in ("imaging", "side", "age", "death")} == {
        "imaging": "imaging",
        "side": "imaging",
        "age": "clinical",
        "death": "outcome",
    }
    assert cohort["death"].attrs["kind"] == "boolean"
    assert cohort["death"].attrs["source"] == "clinical"


def test_inputs_are_not_changed():
    before, genome = IMAGING.copy(), mutations()
    same = genome.copy(deep=True)
    join({**study(), "variants": Source(genome, "genome")})
    pd.testing.assert_frame_equal(IMAGING, before)
    xr.testing.assert_identical(genome, same)


@given(tables(), st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(pair: tuple[pd.DataFrame, pd.DataFrame], random):
    shuffled = [table.iloc[random.sample(range(len(table)), len(table))] for table in pair]
    xr.testing.assert_identical(joined(*pair), joined(shuffled[0], shuffled[1]))


@given(tables())
def test_order_of_sources_changes_their_order_only(pair: tuple[pd.DataFrame, pd.DataFrame]):
    sources = {"imaging": Source(pair[0], "imaging"), "clinical": Source(pair[1], "imaging")}
    sources["sites"] = Source(pd.DataFrame({"patient": [f"P{one}" for one in range(10)]}).assign(site="A"), "batch")
    one = join(sources)
    other = join(dict(reversed(sources.items())))
    xr.testing.assert_equal(one, other.sel(source=one["source"].values, feature=one["feature"].values)[list(one)])


@given(tables())
def test_join_then_to_table_gives_back_each_table(pair: tuple[pd.DataFrame, pd.DataFrame]):
    flat = to_table(joined(*pair))
    for table in pair:
        wanted = table.set_index("patient")
        found = flat.loc[wanted.index, wanted.columns].rename_axis("patient")
        pd.testing.assert_frame_equal(found, wanted, check_index_type=False, check_dtype=False)


@given(tables())
def test_who_is_missing_is_the_difference_of_sets(pair: tuple[pd.DataFrame, pd.DataFrame]):
    cohort = joined(*pair)
    here = membership(cohort)
    who = [set(table["patient"]) for table in pair]
    assert set(here.index[~here["imaging"]]) == who[1] - who[0]
    assert set(here.index[~here["clinical"]]) == who[0] - who[1]
    told = {patient for patient, why in here["why"].items() if "imaging: not in the table" in why}
    assert told == who[1] - who[0]


@given(tables())
def test_missing_values_are_counted_alike_by_variable_and_by_patient(pair: tuple[pd.DataFrame, pd.DataFrame]):
    cohort = joined(*pair)
    by_variable, by_patient = missing_by_variable(cohort), missing_by_patient(cohort)
    assert by_variable["missing"].sum() == by_patient["total"].sum()
    absent = 2 * sum(cohort.sizes["patient"] - len(table) for table in pair)
    assert by_patient["total"].sum() == absent + sum(int(table.isna().to_numpy().sum()) for table in pair)


def test_encoded_genomes_keep_their_names_over_the_union_of_their_genes():
    ratios = xr.Dataset(
        {"log2_ratio": (("patient", "gene"), [[0.5, -1.0]])}, {"patient": ["P4"], "gene": ["TP53", "EGFR"]}
    )
    cohort = join({**study(), "variants": Source(mutations(), "genome"), "ratios": Source(ratios, "genome")})
    assert cohort["gene"].values.tolist() == ["IDH1", "TP53", "EGFR"]
    assert cohort["gene_source"].values.tolist() == ["variants", "variants; ratios", "ratios"]
    assert cohort["chromosome"].values.tolist() == ["2", "17", ""]
    np.testing.assert_array_equal(cohort["mutated"].sel(patient="P4"), [2, 3, np.nan])
    np.testing.assert_array_equal(cohort["log2_ratio"].sel(patient="P4"), [np.nan, 0.5, -1.0])
    assert cohort["mutated"].isnull().sum("gene").sel(patient=["P2", "P3"]).values.tolist() == [3, 3]
    assert cohort.attrs["history"].splitlines()[0] == "encode_mutations: variants='snv'"
    assert cohort["mutated"].attrs["units"] == "1"
    counted = missing_by_variable(cohort).loc["mutated"]
    assert (counted["n"], counted["missing"]) == (8, 4)


def test_numbers_of_a_genome_table_share_the_genes_of_encoded_ones():
    panel = pd.DataFrame({"patient": ["P1"], "IDH1": [1], "ATRX": ["Mutant"]})
    cohort = join({"variants": Source(mutations(), "genome"), "panel": Source(panel, "genome")})
    assert cohort["genome"].sel(patient="P1").values.tolist()[0] == 1.0
    assert cohort["genome"].isnull().sum() == 3
    assert cohort["ATRX"].values.tolist() == ["Mutant", ""]
    assert missing_by_variable(cohort).loc["IDH1", "missing"] == 1
    assert to_table(cohort).columns.tolist() == ["IDH1", "mutated_IDH1", "mutated_TP53", "ATRX"]


def test_a_dataset_that_lies_as_it_should_is_not_copied():
    genome = mutations(("P1", "P2", "P3", "P4"))
    cohort = join({**study(), "variants": Source(genome, "genome")})
    assert np.shares_memory(cohort["mutated"].values, genome["mutated"].values)


def test_patients_enrolled_are_the_cohort():
    with pytest.raises(TableError, match=r"1 patients are not in the list of those enrolled: P4 .*outside='leave out'"):
        join(study(), patients=["P1", "P2", "P3", "P9"])
    cohort = join(study(), patients=["P9", "P1", "P2", "P3"], outside="leave out")
    assert cohort["patient"].values.tolist() == ["P1", "P2", "P3", "P9"]
    here = membership(cohort, left_out=True)
    assert here.loc["P9", "why"] == "imaging: not in the table; clinical: not in the table"
    assert here.loc["P4"].tolist() == [False, True, "left out: not among the patients enrolled"]
    assert read_flow(cohort)[-1].left_out == (("not among the patients enrolled", 1),)
    with pytest.raises(TableError, match="patients=, item 2: the label is empty"):
        join(study(), patients=["P1", float("nan")])
    with pytest.raises(TableError, match="1 patients stand twice in the list"):
        join(study(), patients=["P1", "P1", "P2", "P3", "P4"])


def test_sources_with_nobody_in_common_are_pointed_out():
    other = pd.DataFrame({"patient": ["S-1"], "dose": [60.0]})
    with pytest.warns(UserWarning, match="no patient of 'doses' is in any other source"):
        join({**study(), "doses": Source(other, "clinical")})


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ({"patient": ["P1", None], "dose": [1, 2]}, {}, r"'doses', row '1': column 'patient' is empty"),
        ({"patient": ["P1", " "], "dose": [1, 2]}, {}, r"'doses', row '1': column 'patient' is empty"),
        ({"patient": [1.5, 2], "dose": [1, 2]}, {}, r"column 'patient' holds 1\.5 \(float\)"),
        ({"patient": [], "dose": []}, {}, "has no rows"),
        ({"patient": ["P1"]}, {}, "no columns beside its labels"),
        ({"patint": ["P1"], "dose": [1]}, {}, r"no column 'patient' .*did you mean 'patint'"),
        ({"patient": ["P1"], "dose": [1]}, {"columns": ["dosis"]}, r"no column 'dosis' .*did you mean 'dose'"),
        ({"patient": ["P1"], "dose": [1]}, {"roles": {"dosis": "batch"}}, r"no column 'dosis' \(named in roles=\)"),
        (
            {"patient": ["P1", "P1"], "dose": [1, 2]},
            {},
            r"several rows for 1 patients: P1; P1 stands in row '0' .*row '1'",
        ),
        ({"patient": ["P1"], "age": [1]}, {}, r"have the name of a column of source 'clinical': age"),
        ({"patient": ["P1"], "imaging": [1]}, {}, "'imaging', a name that means something else"),
        ({"patient": ["P1"], "gene": [1]}, {}, "'gene', a name that means something else"),
        ({"patient": ["P1"], "a/b": [1]}, {}, r"slash in the name.*rename=\{'a/b': 'a_b'\}"),
        ({"patient": ["P1"], "region": ["v1"], "dose": [1]}, {}, "'region', a name that means something else"),
        ({"patient": ["P1"], "biopsy": [None], "dose": [1]}, {"region": "biopsy"}, "column 'biopsy' is empty"),
        ({"patient": ["P1"], "biopsy": ["a/b"], "dose": [1]}, {"region": "biopsy"}, "is called 'a/b'"),
        ({"patient": ["P1"], "dose": [1]}, {"region": "patient"}, "only by TCGA"),
        (
            {"patient": ["P1", "P2", "P3"], "dose": [1, "12 Gy", 3]},
            {},
            r"column 'dose', row '1', patient 'P2': found '12 Gy'.*\n.*missing=\['12 Gy'\].*text=\['dose'\]",
        ),
        ({"patient": ["P1", "P2"], "dose": [1, np.inf]}, {}, r"column 'dose', row '1', patient 'P2': found inf"),
        ({"patient": ["P1", "P2"], "dose": [1j, 2]}, {}, "complex numbers"),
        ({"patient": ["P1"], "dose": [[1, 2]]}, {}, r"column 'dose', row '0', patient 'P1': found \[1, 2\]"),
        ({"patient": ["P1"], "seen": ["31.12.2020"]}, {"dates": ["seen"]}, "Expected a date written as 2024-05-31"),
    ],
)
def test_damaged_tables_are_refused(table: dict, options: dict, message: str):
    frame = pd.DataFrame(table, dtype=object if table["patient" if "patient" in table else "patint"] == [] else None)
    with pytest.raises((TableError, SettingsError), match=message):
        join({**study(), "doses": Source(frame, "clinical", **options)})


def test_text_in_an_imaging_column_is_refused_however_rare_the_numbers_are():
    table = pd.DataFrame({"patient": ["P1", "P2", "P3", "P4"], "texture": ["error", "error", "error", "1.5"]})
    with pytest.raises(TableError, match=r"3 of|found 'error'"):
        join({**study(), "textures": Source(table, "imaging")})
    cohort = join({**study(), "textures": Source(table, "imaging", missing=["error"])})
    np.testing.assert_array_equal(cohort["imaging"].sel(feature="texture"), [np.nan, np.nan, np.nan, 1.5])


def test_infinite_values_of_a_wide_matrix_are_named():
    table = IMAGING.assign(volume=[1.0, -np.inf, 2.0])
    with pytest.raises(TableError, match=r"source 'imaging', column 'volume', row '1', patient 'P1': found -inf"):
        join({"imaging": Source(table, "imaging")})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.rename(patient="sample"), "place_samples"),
        (lambda data: data.drop_vars("patient"), "no labels along patient"),
        (lambda data: data.assign_coords(gene_source=("gene", ["a", "b"])), "coordinate or dim 'gene_source'"),
        (lambda data: data.rename(patient="region"), "no coordinate 'region_patient'"),
        (lambda data: data.assign_coords(gene=["TP53", "TP53"]), "labels along gene twice: TP53"),
        (lambda data: data.drop_vars("gene"), "the dim gene has no labels"),
        (
            lambda data: data.assign_coords(chromosome=("gene", ["2", "X"])),
            "'chromosome' of gene TP53 is 17 in 'first' and X",
        ),
        (lambda data: data.rename(mutated="age"), "name of a column of source 'clinical': age"),
    ],
)
def test_damaged_datasets_are_refused(change, message: str):
    with pytest.raises(TableError, match=message):
        join(
            {
                **study(),
                "first": Source(mutations().rename(mutated="counted"), "genome"),
                "second": Source(change(mutations()), "genome"),
            }
        )


def test_unknown_options_are_refused():
    with pytest.raises(SettingsError, match="a role is 'radiology'; expected one of imaging"):
        Source(IMAGING, "radiology")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="a role is 'x'"):
        Source(IMAGING, "imaging", roles={"volume": "x"})  # type: ignore[dict-item]
    with pytest.raises(SettingsError, match="a long table needs name="):
        Source(IMAGING, "imaging", layout="long")
    with pytest.raises(SettingsError, match="name='feature' is for long tables"):
        Source(IMAGING, "imaging", name="feature")
    with pytest.raises(SettingsError, match="expected a list, such as"):
        Source(IMAGING, "imaging", columns="volume")
    with pytest.raises(SettingsError, match="region is for tables"):
        Source(mutations(), "genome", region="region")
    with pytest.raises(SettingsError, match="a table is a list"):
        Source([1], "genome")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="outside is 'drop'"):
        join(study(), outside="drop")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="there is no source"):
        join({})
    with pytest.raises(SettingsError, match="a source is called 'total'"):
        join({"total": Source(IMAGING, "imaging")})
