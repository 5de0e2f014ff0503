"""Identifiers in text that users wrote: what is hidden, in which spelling, and which numbers stay."""

from pathlib import Path

import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.cohort import Source, join, read_flow, restrict
from bayesrg.reporting.cohort import flow_diagram, report_cohort
from bayesrg.reporting.cohort.masking import make_mask, mask_people

PEOPLE = ["Smith, J0", "PAT ID 07", "P 7", "1002", "TCGA-AB-2988-01A", "Max", "other"]


@pytest.fixture(scope="module")
def told() -> xr.Dataset:
    """A cohort whose reasons, history, units and names of sources tell of people."""
    table = pd.DataFrame({"patient": PEOPLE, "age": range(len(PEOPLE))})
    scans = pd.DataFrame({"patient": PEOPLE, "volume": range(len(PEOPLE))})
    sources = {
        "clinical": Source(table, "clinical", units={"age": "years of PAT ID 07"}, barcodes="never"),
        "of Smith, J0": Source(scans, "imaging", units={"volume": "mL of P 7"}, barcodes="never"),
        "of P 7": Source(scans.rename(columns={"volume": "mass"}), "imaging", barcodes="never"),
    }
    cohort = join(sources, identifiers={"other": "Doe Jane"})
    cohort.attrs["history"] += (
        "\nread_maf: TCGA-AB-2988-01A.maf (sha256 0a), depth=1002\nread: TCGA.AB.2988.seg, n={'a': 7}"
    )
    keep = [label for label in cohort["patient"].values if label not in PEOPLE[:2]]
    return restrict(cohort, patients=keep, reason="Smith, J0 withdrew; pat_id_7 too; 1002, P7 and Doe Jane; SOP 12")


def texts_of(path: Path) -> dict[str, str]:
    """What stands in a page and each of its files."""
    folder = path.with_name(f"{path.stem}_files")
    return {one.name: one.read_text(encoding="utf-8") for one in (path, *folder.iterdir())}


def test_free_text_of_the_page_and_its_files_names_nobody(told, tmp_path):
    before = told.copy(deep=True)
    for name, text in texts_of(report_cohort(told, tmp_path / "page.html")).items():
        for word in ("Smith", "PAT ID", "pat_id", "P 7", " P7", "1002,", "TCGA", "Doe Jane"):
            assert word not in text, name
    assert told.identical(before)
    texts = texts_of(report_cohort(told, tmp_path / "shown.html", show_patients=True))
    assert "Smith, J0 withdrew; pat_id_7 too" in texts["flow-steps.csv"]
    assert "TCGA.AB.2988.seg" in texts["history.csv"]


def test_what_is_hidden_leaves_its_place_and_the_rest_stays(told):
    masked = mask_people(told)
    titles = [step.title for step in read_flow(masked)]
    assert titles == ["clinical", "of …", "of … (2)", "joined", "… withdrew; … too; …, … and …; SOP 12"]
    assert masked["source"].values.tolist() == titles[:3]
    assert masked["feature_source"].values.tolist() == ["of …", "of … (2)"]
    assert masked["age"].attrs["units"] == "years of …"
    assert masked["feature_units"].values.tolist() == ["mL of …", ""]
    lines = masked.attrs["history"].splitlines()
    assert lines[1:3] == ["read_maf: ….maf (sha256 0a), depth=1002", "read: ….seg, n={'a': 7}"]
    assert lines[3].endswith("SOP 12', units={'patient': 5}")
    assert [step.counts for step in read_flow(masked)] == [step.counts for step in read_flow(told)]
    xr.testing.assert_equal(masked["patient"], told["patient"])


def test_a_flow_diagram_shows_identifiers_only_when_asked(told):
    def words(**options) -> str:
        return " ".join(text.get_text() for text in flow_diagram(told, **options).axes[0].texts)

    assert "Smith" not in words()
    assert "Smith, J0 withdrew" in words(show_patients=True)


@pytest.mark.parametrize(
    ("label", "text", "hidden"),
    [
        ("P2", "needs P2RX7 and MAP2 of p-2", "needs P2RX7 and MAP2 of …"),
        ("A", "a scan of A", "a scan of …"),
        ("ZQ001", "zq1reg0.nii, ZQ0012", "…reg0.nii, ZQ0012"),
        ("12", "12 of 112, 1.12 and 12.5: 012", "… of 112, 1.12 and 12.5: …"),
        ("O'Neil (J) - 7", "of O'Neil (J) - 7", "of …"),
        ("P1/T1", "P1/T1 of P1", "… of P1"),
        ("???", "why ??? so", "why … so"),
        ("Ångström-1", "ÅNGSTRÖM 1", "…"),
    ],
)
def test_spellings(label, text, hidden):
    assert make_mask([label], [text]).hide(text) == hidden


@given(st.lists(st.text(st.sampled_from("aB7 -_/,.('é"), min_size=1, max_size=9), min_size=1, max_size=6))
def test_a_label_between_blanks_is_always_hidden_whole(labels):
    named = [label for label in labels if any(sign.isalnum() for sign in label)]
    text = " withdrew ".join(["so", *named, "end"])
    mask = make_mask(labels, [text])
    assert not any(
        sign.isalnum() for sign in mask.hide(text).replace("withdrew", "").replace("so", "").replace("end", "")
    )
