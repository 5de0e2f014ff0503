"""Labels of patients: TCGA barcodes of every source cut alike, words that are no labels, what is no list or source."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.cohort.joining import join
from bayesrg.cohort.matching import suggest_identifiers
from bayesrg.cohort.source import Source
from bayesrg.errors import SettingsError, TableError

SAMPLES = ["TCGA-AB-2988-01A", "TCGA-AB-2989-01A"]
PATIENTS = ["TCGA-AB-2988", "TCGA-AB-2989"]


def table(column: str, labels: list, role: str = "clinical", **options) -> Source:
    return Source(pd.DataFrame({"patient": labels, column: range(len(labels))}), role, **options)  # type: ignore[arg-type]


def encoded(labels: object, **options) -> Source:
    data = xr.Dataset({"tumor_mutational_burden": ("patient", [4.0, 5.0])}, {"patient": labels})
    return Source(data, "genome", **options)


def people(**sources: Source) -> list[str]:
    return join(sources)["patient"].values.tolist()


def test_sample_barcodes_of_datasets_join_their_patients():
    assert people(burden=encoded(SAMPLES), ages=table("age", PATIENTS)) == PATIENTS
    with pytest.raises(TableError, match=r"normal tissue .*patient 'TCGA-AB-2989-11A'"):
        people(burden=encoded([SAMPLES[0], "TCGA-AB-2989-11A"]))
    with pytest.raises(TableError, match="several rows for 1 patients: TCGA-AB-2988"):
        people(burden=encoded([SAMPLES[0], "TCGA-AB-2988-02A"]))
    assert people(burden=encoded(SAMPLES, barcodes="never")) == SAMPLES


def test_sample_barcodes_of_regions_of_datasets_join_their_patients():
    coords = {"region": ["a", "b"], "region_patient": ("region", SAMPLES), "region_label": ("region", ["v1", "v1"])}
    data = Source(xr.Dataset({"tumor_mutational_burden": ("region", [4.0, 5.0])}, coords), "genome")
    cohort = join({"burden": data, "ages": table("age", PATIENTS)})
    assert cohort["region"].values.tolist() == [f"{who}/v1" for who in PATIENTS]
    assert cohort["present"].values.all()


def test_one_sample_barcode_with_a_blank_among_those_of_patients_is_cut():
    assert people(ages=table("age", PATIENTS), doses=table("dose", ["TCGA-AB-2988-01A ", PATIENTS[1]])) == PATIENTS


@pytest.mark.parametrize("found", ["tcga-ab-2988-01a", "TCGA.AB.2988.01", "TCGA_AB_2988_01A"])
def test_samples_written_otherwise_are_near_their_patients(found: str):
    sources = {"ages": table("age", PATIENTS), "doses": table("dose", [found, PATIENTS[1]])}
    with pytest.raises(TableError, match=f"'{found}' in 'doses', beside 'TCGA-AB-2988'"):
        join(sources)
    assert people(ages=sources["ages"]) == PATIENTS
    cohort = join(sources, identifiers=suggest_identifiers(sources))
    assert cohort["present"].values.all()


def test_dotted_samples_of_two_sources_do_not_pass_beside_two_of_patients():
    dotted = ["TCGA.AB.2988.01", "TCGA.AB.2989.01"]
    columns = {"a": PATIENTS, "b": PATIENTS, "c": dotted, "d": dotted}
    with pytest.raises(TableError, match="2 labels of patients look like another one"):
        people(**{name: table(name, labels) for name, labels in columns.items()})
    assert people(c=table("c", dotted, barcodes="never")) == dotted


def test_samples_in_the_list_of_those_enrolled_and_in_identifiers_are_cut():
    ages = table("age", PATIENTS)
    assert join({"ages": ages}, patients=SAMPLES)["patient"].values.tolist() == PATIENTS
    mapped = join({"ages": ages, "doses": table("dose", ["S1", PATIENTS[1]])}, identifiers={"S1": SAMPLES[0]})
    assert mapped["patient"].values.tolist() == PATIENTS
    never = table("age", SAMPLES, barcodes="never")
    assert join({"ages": never}, patients=SAMPLES)["patient"].values.tolist() == SAMPLES


def test_one_label_of_a_group_mapped_to_itself_does_not_exempt_the_others():
    sources = {"ages": table("age", ["P1", "P2"]), "doses": table("dose", ["p1", "P2"])}
    with pytest.raises(TableError, match="'p1' in 'doses', beside 'P1'"):
        join(sources, identifiers={"P1": "P1"})
    assert join(sources, identifiers={"P1": "P1", "p1": "p1"}).sizes["patient"] == 3


def test_the_suggested_table_may_be_of_those_enrolled():
    sources = {"ages": table("age", ["P1", "P2"])}
    suggested = suggest_identifiers(sources, patients=["P1", "p2"])
    assert suggested["source"].tolist() == ["patients"]
    cohort = join(sources, patients=["P1", "p2"], identifiers=suggested)
    assert cohort["patient"].values.tolist() == ["P1", "P2"]


@pytest.mark.parametrize("word", ["NA", "nan", "None", "NaT", "<NA>", "NULL", "#N/A", " NA "])
def test_words_for_nothing_are_no_patients(word: str):
    with pytest.raises(TableError, match=f"source 'ages', row '1': column 'patient' says '{word}', which is no label"):
        people(ages=table("age", ["P1", word]))
    with pytest.raises(TableError, match=r"source 'burden', .*the coordinate 'patient' says"):
        people(burden=encoded(["P1", word]))
    with pytest.raises(TableError, match="patients=, item 2: the label says"):
        join({"ages": table("age", ["P1"])}, patients=["P1", word])
    regions = pd.DataFrame({"patient": ["P1", "P1"], "site": ["v1", word], "purity": [0.1, 0.2]})
    with pytest.raises(TableError, match="row '1': column 'site' says"):
        people(biopsies=Source(regions, "genome", region="site"))


@pytest.mark.parametrize("labels", [["P1", ""], np.array(["P1", np.nan], dtype=object)])
def test_units_of_datasets_without_a_label_are_refused(labels: object):
    with pytest.raises(TableError, match=r"source 'burden', .*the coordinate 'patient' is empty"):
        people(burden=encoded(labels))


def test_whole_numbers_of_datasets_and_lists_are_labels():
    assert people(burden=encoded([1.0, 2.0]), ages=table("age", ["1", "2"])) == ["1", "2"]
    assert join({"ages": table("age", [1, 2])}, patients=[1.0, 2.0])["patient"].values.tolist() == ["1", "2"]
    numbers = pd.DataFrame({"found": [11.0], "meant": [1.0]})
    cohort = join({"ages": table("age", [1, 2]), "doses": table("dose", [11, 2])}, identifiers=numbers)
    assert cohort["patient"].values.tolist() == ["1", "2"]


@pytest.mark.parametrize("patients", ["P1", pd.DataFrame({"patient": ["P1"]}), {"P1": True}])
def test_what_is_no_list_of_patients_is_refused(patients: object):
    with pytest.raises(SettingsError, match=r"patients is a .*expected a list of labels"):
        join({"ages": table("age", ["P1"])}, patients=patients)  # type: ignore[arg-type]


def test_groups_of_sources_that_share_nobody_are_pointed_out():
    sources = {
        name: table(name, labels) for name, labels in {"a": ["P1"], "b": ["P1"], "c": ["S1"], "d": ["S1"]}.items()
    }
    with pytest.warns(UserWarning, match="2 groups that share no patient: 'a' with 'b' | 'c' with 'd'"):
        join(sources)


def test_a_source_that_shares_hardly_anybody_is_pointed_out():
    ages, doses = [f"P{n}" for n in range(30)], [f"S{n}" for n in range(40)]
    with pytest.warns(
        UserWarning, match=r"only 1 of 30 patients of 'ages' and 1 of 41 patients of 'doses' are in any .* P1, P10"
    ):
        join({"ages": table("age", ages), "doses": table("dose", [*doses, "P0"])})
    assert join({"ages": table("age", ages), "doses": table("dose", ages[:1])}).sizes["patient"] == 30


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: join({"a": pd.DataFrame({"patient": ["P1"]})}), "'a' is a DataFrame; expected a Source"),  # type: ignore[dict-item]
        (lambda: join([table("age", ["P1"])]), "there is no source to join"),  # type: ignore[arg-type]
        (lambda: table("age", ["P1"], roles=["outcome"]), "roles is a list; expected a mapping"),
        (lambda: table("age", ["P1"], names="fix"), "names is 'fix'; expected one of refuse, mend"),
    ],
)
def test_what_is_no_source_is_refused(make, message: str):
    with pytest.raises(SettingsError, match=message):
        make()
