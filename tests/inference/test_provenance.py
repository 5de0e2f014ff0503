"""A model becomes JSON and comes back; the hash of the data follows its content."""

import json
import pickle

import numpy as np
import pytest
import xarray as xr

from bayesrg.errors import FitError
from bayesrg.inference.provenance import describe, hash_dataset, read_json, rebuild
from bayesrg.models import CLASSES, IndependentSds, Priors, Shares, Stability
from bayesrg.prior import Prior

MODELS = [
    Stability(),
    Stability(session="visit", interactions=("subject:scanner",), thresholds=(0.5,)),
    Stability(
        interactions=(), priors=Priors(variances=IndependentSds(Prior("Exponential", {"lam": 2.0}, "short tails")))
    ),
    Stability(priors=Priors(mu=Prior("Normal", {"mu": 0.0, "sigma": 3.0}, "vague"), variances=Shares())),
]


@pytest.mark.parametrize("model", MODELS)
def test_a_model_survives_json(model: Stability):
    assert rebuild(json.loads(json.dumps(describe(model))), CLASSES) == model


@pytest.mark.parametrize("model", MODELS)
def test_a_model_can_be_sent_to_another_process(model: Stability):
    assert pickle.loads(pickle.dumps(model)) == model


def test_other_classes_are_refused():
    with pytest.raises(FitError, match="'Path', which this version does not know"):
        rebuild({"is": "Path", "path": "/"}, CLASSES)


def test_hash_follows_values_labels_and_names(data: xr.Dataset):
    before = hash_dataset(data)
    assert hash_dataset(data.copy(deep=True)) == before
    assert hash_dataset(data.assign_attrs(note="a remark")) == before
    value = data["value"].copy(deep=True)
    value[0] += np.spacing(value[0].item())
    assert hash_dataset(data.assign(value=value)) != before
    assert hash_dataset(data.assign_coords(subject=data["subject"].values[::-1])) != before
    assert hash_dataset(data.rename(scanner="device")) != before


def test_reading_what_is_not_there():
    with pytest.raises(FitError, match="no 'model' in its provenance"):
        read_json({}, "model")
