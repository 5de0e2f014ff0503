"""`bayesrg ibsi`: the table of compliance, its last line, its file and its exit code."""

import pandas as pd
import pytest

from bayesrg import datasets
from bayesrg.cli import main, outcome
from bayesrg.radiomics import ibsi

pytestmark = pytest.mark.data


@pytest.fixture
def digital_alone(monkeypatch):
    """The digital phantom is a quarter of the values, and takes no time."""
    values = datasets.ibsi_reference_values()
    values = values[values["configuration"] == "digital_phantom"].copy()
    monkeypatch.setattr(datasets, "ibsi_reference_values", lambda: values)
    monkeypatch.setattr(ibsi, "CONFIGURATIONS", ("digital_phantom",))
    return values


def test_all_values_are_counted_and_written(digital_alone, tmp_path, capsys):
    code = main(["ibsi", "--csv", str(tmp_path / "compliance.csv")])
    printed = capsys.readouterr()
    assert code == outcome.DONE
    assert printed.out.splitlines()[-1] == "482/482 IBSI-1 values within tolerance"
    assert "glcm" in printed.out
    assert "digital_phantom" in printed.err
    table = pd.read_csv(tmp_path / "compliance.csv")
    assert table["within"].all()
    assert len(table) == len(digital_alone)


def test_a_missed_value_is_listed_and_tells_by_the_exit_code(digital_alone, capsys):
    digital_alone.loc[digital_alone["tag"] == "morph_volume", "value"] *= 2
    code = main(["ibsi"])
    printed = capsys.readouterr().out
    assert code == outcome.NOT_COMPLIANT
    assert "morphology_volume_mesh" in printed
    assert printed.splitlines()[-1] == "481/482 IBSI-1 values within tolerance"
