"""The register of variables: consistent in itself, and readable when a dataset does not match it."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.errors import TableError
from bayesrg.variables import DIMS, VARIABLES, Variable, describe, validate


def stability_table(**changes) -> xr.Dataset:
    variables = {
        "value": ("measurement", np.array([1.0, 2.0])),
        "subject_index": ("measurement", np.array([0, 1])),
        "session_index": ("measurement", np.array([0, 1])),
    }
    return xr.Dataset({**variables, **changes})


def test_a_matching_dataset_passes():
    validate(stability_table(), "value", "subject_index", "session_index")


@pytest.mark.parametrize("dims", [("feature",), ("measurement",), ("measurement", "feature")])
def test_value_may_have_each_of_its_dims(dims: tuple[str, ...]):
    validate(xr.Dataset({"value": (dims, np.ones((2, 3)[: len(dims)]))}), "value")


@pytest.mark.parametrize("labels", [pd.array(["a", "b"], dtype="string"), np.array(["a", "b"], dtype=object)])
def test_labels_may_be_any_kind_of_string(labels):
    validate(xr.Dataset({"family": ("feature", labels)}), "family")


@pytest.mark.parametrize(
    ("dataset", "name", "message"),
    [
        (
            stability_table(),
            "scanner_index",
            r"no variable 'scanner_index' \(position of .*'session_index', 'subject_index'",
        ),
        (xr.Dataset(), "value", "it holds no variables"),
        (stability_table(value=("row", [1.0, 2.0])), "value", r"dims \('row',\), expected .*\('measurement',\)"),
        (stability_table(value=("measurement", [1, 2])), "value", "stored as int64, expected real"),
        (xr.Dataset({"family": ("feature", [1, 2])}), "family", "stored as int64, expected label"),
    ],
)
def test_a_mismatch_says_what_was_found_and_expected(dataset: xr.Dataset, name: str, message: str):
    with pytest.raises(TableError, match=message):
        validate(dataset, name)


def test_an_unregistered_name_is_the_callers_mistake():
    with pytest.raises(KeyError, match="valeu"):
        validate(stability_table(), "valeu")


def test_an_unregistered_dim_is_refused():
    with pytest.raises(ValueError, match="'voxel'"):
        Variable("noise", (("voxel",),), "real", "noise")


def test_every_variable_is_described_once():
    lines = describe().splitlines()
    assert [line.split(" ", 1)[0] for line in lines] == list(VARIABLES)
    assert all(variable.meaning for variable in VARIABLES.values())
    assert all(DIMS.values())
