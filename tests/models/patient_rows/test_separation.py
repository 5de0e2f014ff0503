"""Cautions: what separates outcomes, against what can be seen of one predictor without linear programming; words."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.models import Association
from bayesrg.models.patient_rows.separation import find_association_cautions, separates


def lay_out(
    family: str, outcome: list, formula: str | None = None, weights: str | None = None, **columns
) -> xr.Dataset:
    table = pd.DataFrame({"y": outcome, **columns})
    return Association(family).prepare(table, outcome="y", predictor="x", formula=formula, weights=weights)


def moves_one_way(value: np.ndarray, x: np.ndarray) -> bool:
    """Whether x never falls, or never rises, from a lower category to a higher one; ties are no overlap."""
    pairs = value[:, None] < value[None, :]
    change = (x[None, :] - x[:, None])[pairs]
    return bool((change >= 0).all() or (change <= 0).all())


@pytest.mark.parametrize(("family", "categories"), [("bernoulli", 2), ("ordinal", 3)])
def test_separation_of_one_predictor_is_found_where_its_ranges_do_not_overlap(family, categories):
    rng, found = np.random.default_rng(5), []
    for number in range(60):
        value = np.sort(np.append(np.arange(categories), rng.integers(0, categories, 7 - categories)))
        x = np.append(rng.integers(0, 6, 6), 6.0)
        # Half of them are in order to begin with, and two patients of those change places.
        x = np.sort(x) * rng.choice([-1.0, 1.0]) if number % 2 else x
        x[[2, 4]] = x[[4, 2]] if number % 4 == 1 else x[[2, 4]]
        data = xr.Dataset(
            {
                "value": ("patient", value.astype(float)),
                "predictor": (("patient", "term"), ((x - x.mean()) / x.std())[:, None]),
                "covariates": (("patient", "covariate"), np.zeros((7, 0))),
            },
            attrs={"family": family, "outcome": "y"},
        )
        expected = moves_one_way(value, x)
        assert separates(data) == expected
        found.append(expected)
    assert 15 <= sum(found) <= len(found) - 15


CASES = {
    "wholly": ("bernoulli", [0, 0, 0, 1, 1, 1], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], True),
    "in the other direction": ("bernoulli", [1, 1, 1, 0, 0, 0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], True),
    "but for a tie": ("bernoulli", [0, 0, 0, 1, 1, 1], [1.0, 2.0, 3.0, 3.0, 5.0, 6.0], True),
    "an empty cell": ("bernoulli", [0, 0, 0, 1, 0, 1], [1.0, 1.0, 1.0, 0.0, 0.0, 0.0], True),
    "no cell is empty": ("bernoulli", [0, 0, 1, 1, 0, 1], [1.0, 1.0, 1.0, 0.0, 0.0, 0.0], False),
    "a narrow overlap": ("bernoulli", [0, 0, 0, 1, 1, 1], [1.0, 2.0, 3.0, 2.99, 5.0, 6.0], False),
    "in other units": ("bernoulli", [0, 0, 0, 1, 1, 1], [1e-9, 2e-9, 3e-9, 4e-9, 5e-9, 6e-9], True),
    "one kind alone": ("categorical", ["a", "b", "c", "b", "a", "c"], [1.0, 2.0, 7.0, 1.0, 2.0, 8.0], True),
    "no kind": ("categorical", ["a", "b", "c", "b", "a", "c"], [1.0, 2.0, 3.0, 3.0, 2.0, 1.0], False),
}


@pytest.mark.parametrize("case", CASES)
def test_separation_is_found_where_it_is_known(case):
    family, outcome, x, expected = CASES[case]
    data = lay_out(family, outcome, x=x)
    assert separates(data) == expected
    assert any("separate" in caution for caution in find_association_cautions(data)) == expected


def test_two_columns_separate_together_what_neither_does_alone():
    x, z = np.array([0.0, 1.0, 2.0, 3.0, 0.5, 2.5]), np.array([1.0, 2.0, 3.0, 4.0, 0.0, 2.0])
    outcome = [0, 0, 0, 0, 1, 1]  # z - x is 1 of those, and -0.5 of these
    assert not separates(lay_out("bernoulli", outcome, x=x))
    assert not separates(lay_out("bernoulli", outcome, x=z))
    assert separates(lay_out("bernoulli", outcome, "z", x=x, z=z))


def test_separation_is_that_of_a_likelihood_without_maximum():
    """Along a separating direction the likelihood only rises; where there is none it falls in the end."""
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    for outcome, rising in (([0, 0, 0, 1, 1, 1], True), ([0, 0, 1, 0, 1, 1], False)):
        data = lay_out("bernoulli", outcome, x=x)
        own = {"alpha": np.zeros(2), "beta": np.array([[10.0], [100.0]])}
        # The two groups are alike in size and place, so that the best intercept is zero.
        likelihood = (
            Association("bernoulli")
            .family.log_likelihood(data["value"].values, own["beta"] * data["predictor"].values[:, 0], own)
            .sum(axis=1)
        )
        assert (likelihood[1] > likelihood[0]) == rising == separates(data)


def test_an_empty_category_is_no_separation():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"y": rng.permutation(np.arange(60) % 3), "x": rng.normal(size=60)})
    data = Association("ordinal").prepare(table, outcome="y", predictor="x", categories=[0, 1, 2, 3])
    assert not separates(data)
    assert json.loads(data.attrs["cautions"]) == [
        "0 of 60 patients have y = 3, for 1 coefficient: the priors may matter, see the sensitivity to them"
    ]


def test_outcomes_without_categories_cannot_be_separated():
    data = lay_out("gaussian", [1.0, 2.0, 3.0, 4.0], x=[1.0, 2.0, 3.0, 5.0])
    with pytest.raises(TypeError, match="no categories"):
        separates(data)
    assert not any("separate" in caution for caution in find_association_cautions(data))


@pytest.mark.parametrize(
    ("events", "formula", "words"),
    [
        (1, None, "1 of 150 patients has y = 1, for 1 coefficient: "),
        (3, "z", "3 of 150 patients have y = 1, for 2 coefficients: "),
        (147, None, "3 of 150 patients have y = 0, for 1 coefficient: "),
    ],
)
def test_rare_events_are_counted_in_plain_words(events, formula, words):
    rng = np.random.default_rng(2)
    outcome = list(rng.permutation(np.arange(150) < events).astype(int))
    data = lay_out("bernoulli", outcome, formula, x=rng.normal(size=150), z=rng.normal(size=150))
    few = [caution for caution in json.loads(data.attrs["cautions"]) if "coefficient" in caution]
    assert [caution.startswith(words) for caution in few] == [True]


def test_few_patients_for_many_coefficients_are_said_of_continuous_outcomes_too():
    rng = np.random.default_rng(3)
    data = lay_out("gaussian", list(rng.normal(size=15)), "z", x=rng.normal(size=15), z=rng.normal(size=15))
    assert json.loads(data.attrs["cautions"]) == [
        "15 patients for 2 coefficients: the priors may matter, see the sensitivity to them"
    ]


def test_weights_that_multiply_patients_are_said_and_others_are_not():
    rng = np.random.default_rng(4)
    columns = {"x": rng.normal(size=40), "w": rng.uniform(0.5, 1.5, 40)}
    outcome = list(rng.normal(size=40))
    (caution,) = json.loads(
        lay_out("gaussian", outcome, weights="w", **(columns | {"w": np.full(40, 2.0)})).attrs["cautions"]
    )
    assert caution.startswith("weights add up to 80 for 40 patients: posteriors are as wide as those of 80 patients")
    assert "effective number 40.0" in caution
    columns["w"] *= 40 / columns["w"].sum()
    assert json.loads(lay_out("gaussian", outcome, weights="w", **columns).attrs["cautions"]) == []
