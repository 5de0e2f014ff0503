"""New patients predicted from a fit alone: do the numbers mean what their names say?"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from bayesrg.errors import TableError
from bayesrg.models import Association
from bayesrg.models.prediction import predict_patients

NEW = pd.DataFrame({"size": [20.0, 30.0, 40.0], "site": ["A", "B", "A"], "id": ["n1", "n2", "n3"]})


def make_table() -> pd.DataFrame:
    rng = np.random.default_rng(51)
    size = rng.standard_normal(20)
    latent = 0.9 * size + rng.standard_normal(20)
    return pd.DataFrame(
        {
            "size": 30.0 + 5.0 * size,
            "volume": np.exp(latent),
            "status": np.where(latent > 0, "mutant", "wt"),
            "grade": np.array(["G2", "G3", "G4"])[np.digitize(latent, [-0.5, 0.5])],
            "site": np.array(["A", "B", "C"])[np.arange(20) % 3],
        }
    )


@pytest.fixture(scope="module")
def sampled(draw_weighted: Callable[..., Any], resample: Callable[..., xr.Dataset]) -> Callable[..., Any]:
    """Fit without a sampler: the model and its tree."""

    def make(family: str, outcome: str, **options: Any) -> tuple[Association, xr.DataTree]:
        model = Association(family)
        data = model.prepare(make_table(), outcome=outcome, predictor="size", **options)
        posterior = resample(*draw_weighted(model, data, seed=1, draws=20_000), seed=2, draws=2000)
        groups = {"posterior": posterior, "constant_data": data.drop_vars("value"), "observed_data": data[["value"]]}
        return model, xr.DataTree.from_dict(groups)

    return make


def test_probability_names_its_event(sampled: Callable[..., Any]):
    model, tree = sampled("bernoulli", "status", categories=["wt", "mutant"])
    found = predict_patients(tree, model, NEW, seed=1, patient="id")
    assert list(found.columns) == ["probability[mutant]", "lower[mutant]", "upper[mutant]"]
    assert list(found.index) == ["n1", "n2", "n3"]
    posterior, data = tree["posterior"].to_dataset(), tree["constant_data"].to_dataset()
    place = (40.0 - data["predictor_location"].item()) / data["predictor_scale"].item()
    chance = 1.0 / (1.0 + np.exp(-(posterior["alpha"] + posterior["beta"].isel(term=0) * place)))
    assert found.loc["n3", "probability[mutant]"] == pytest.approx(float(chance.mean()))
    assert found.loc["n3", "lower[mutant]"] == pytest.approx(float(chance.quantile(0.025)))
    other_model, other = sampled("bernoulli", "status", categories=["mutant", "wt"])
    turned = predict_patients(other, other_model, NEW, seed=1, patient="id")["probability[wt]"]
    assert turned.to_numpy() == pytest.approx(1.0 - found["probability[mutant]"].to_numpy(), abs=0.05)


def test_probabilities_of_categories_add_up_to_one(sampled: Callable[..., Any]):
    model, tree = sampled("ordinal", "grade", categories=["G2", "G3", "G4"])
    found = predict_patients(tree, model, NEW, seed=1)
    chances = found[[f"probability[{label}]" for label in ("G2", "G3", "G4")]]
    assert np.allclose(chances.sum(axis=1), 1.0)
    assert (chances["probability[G4]"].diff().dropna() > 0).all()


def test_interval_in_units_holds_a_new_patient(sampled: Callable[..., Any]):
    model, tree = sampled("gaussian", "volume", scale="log")
    found = predict_patients(tree, model, NEW, seed=1, ci_prob=0.8)
    assert (found["lower"] > 0).all()
    posterior, data = tree["posterior"].to_dataset(), tree["constant_data"].to_dataset()
    place = (20.0 - data["predictor_location"].item()) / data["predictor_scale"].item()
    mean = (posterior["alpha"] + posterior["beta"].isel(term=0) * place).values.ravel()[:, None]
    low = (np.log(found["lower"].iloc[0]) - data.attrs["location"]) / data.attrs["scale"]
    below = stats.norm.cdf(low, mean, posterior["sigma"].values.ravel()[:, None]).mean()
    assert below == pytest.approx(0.1, abs=0.03)


def test_ranks_of_text_are_predicted_by_their_labels(sampled: Callable[..., Any]):
    model, tree = sampled("rank", "grade", categories=["G2", "G3", "G4"])
    found = predict_patients(tree, model, NEW, seed=1)
    assert set(found.to_numpy().ravel()) <= {"G2", "G3", "G4"}
    assert found["median"].iloc[0] < found["median"].iloc[2]


def test_a_level_that_was_not_fitted_is_told_and_makes_predictions_less_sure(sampled: Callable[..., Any]):
    model, tree = sampled("bernoulli", "status", categories=["wt", "mutant"], group="site")
    known = predict_patients(tree, model, NEW, seed=1)
    with pytest.warns(UserWarning, match=r"not fitted: site: Z\. .*check the spelling"):
        strange = predict_patients(tree, model, NEW.assign(site="Z"), seed=1)
    width = [one["upper[mutant]"] - one["lower[mutant]"] for one in (strange, known)]
    assert width[0].mean() > width[1].mean()


def test_a_patient_without_a_predictor_is_refused(sampled: Callable[..., Any]):
    model, tree = sampled("bernoulli", "status", categories=["wt", "mutant"])
    with pytest.raises(TableError, match="size"):
        predict_patients(tree, model, NEW.assign(size=[1.0, np.nan, 2.0]), seed=1)
