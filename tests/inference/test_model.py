"""The shipped model is a model, and has the capabilities that `fit` looks for."""

from bayesrg.inference.model import DrawsPrior, Model, Predicts, Recovers, ScoresPoints
from bayesrg.models import Stability


def test_stability_is_a_model_with_every_capability():
    for protocol in (Model, Recovers, Predicts, ScoresPoints, DrawsPrior):
        assert isinstance(Stability(), protocol)


def test_other_things_are_not():
    assert not isinstance(object(), Model)
