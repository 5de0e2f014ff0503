"""Cohorts with hostile labels, three levels and people left out, and mutations whose picture is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.cohort import Source, join, restrict
from bayesrg.reporting.cohort import report_cohort

SCRIPT = "<script>document.title = 'taken over'</script>"
LONG = "a source whose name is longer than any box of a diagram is wide, as names of files are " * 2
BIDI = "report\u202etxt.exe"
PERSON = "Zacharias-{}"


@pytest.fixture
def mutations() -> xr.Dataset:
    """Three genes in four patients, one gene that nobody has, and cells that were not assayed."""
    nan = np.nan
    mutated = np.array([[0, 1, nan, 0], [1, 1, nan, 0], [0, 0, 1.0, 0], [1, 0, 1.0, 0]])
    classes = np.where(mutated == 1, "Missense_Mutation", "").astype(object)
    classes[1, 0] = SCRIPT
    return xr.Dataset(
        {
            "mutated": (("patient", "gene"), mutated),
            "variant_class": (("patient", "gene"), classes),
            "variant_count": (("patient", "gene"), 2 * mutated),
        },
        {"patient": ["P1", "P2", "P3", "P4"], "gene": ["TP53", "IDH1", "$x$ <b>", "WILD"]},
    )


@pytest.fixture(scope="session")
def tangled() -> xr.Dataset:
    """Six sources with hostile names, tumours, mapped identifiers, and two restrictions."""
    rng = np.random.default_rng(7)
    names = {"imaging": "imaging", "clinical": "clinical", SCRIPT: "genome", LONG: "batch", BIDI: "outcome"}
    sources = {}
    for number, (name, role) in enumerate(names.items()):
        some = [PERSON.format(f"{k:02d}") for k in range(30) if rng.random() < 0.85]
        values = {f"value_{number}": rng.normal(size=len(some)), f"$other_{number}$": rng.normal(size=len(some))}
        table = pd.DataFrame({"patient": some, **values})
        table.loc[rng.random(len(table)) < 0.3, f"$other_{number}$"] = np.nan
        sources[name] = Source(table, role, units={f"value_{number}": "mm & <u>"})
    lesions = [(PERSON.format(f"{k:02d}"), str(tumor)) for k in range(25) for tumor in (1, 2)]
    lesions[0] = ("zacharias-00", "1")
    table = pd.DataFrame(lesions, columns=["patient", "tumor"]).assign(volume=rng.normal(size=50))
    sources["lesions"] = Source(table, "imaging", tumor="tumor", units={"volume": "mL"})
    cohort = join(sources, identifiers={"zacharias-00": PERSON.format("00")})
    cohort = restrict(cohort, sources=["imaging", "clinical"], reason=f"Imaging and clinical data {SCRIPT}")
    return restrict(cohort, variables=["$other_0$"], reason="Everything of the first source measured")


@pytest.fixture(scope="session")
def written(tangled: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of the tangled cohort, without and with identifiers."""
    folder = tmp_path_factory.mktemp("cohorts")
    return {
        "hidden": report_cohort(tangled, folder / "hidden.html"),
        "shown": report_cohort(tangled, folder / "shown.html", show_patients=True),
    }
