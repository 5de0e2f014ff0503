"""Outcomes: the same numbers however a table stores them, an order that is never guessed, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from bayesrg.errors import TableError
from bayesrg.models.patient_rows.endpoints import outcome_label, read_endpoint


def read(values, family: str, **options):
    table = pd.DataFrame({"y": values})
    table.index = table.index.astype(str)
    return read_endpoint(table, "y", family, **options)


BINARY = {
    "integers": [0, 1, 1, 0],
    "floats": [0.0, 1.0, 1.0, 0.0],
    "minus zero": [-0.0, 1.0, 1.0, 0.0],
    "truth values": [False, True, True, False],
    "NumPy's": np.array([False, True, True, False]),
    "objects": pd.Series([False, True, True, False], dtype=object),
    "integer objects": pd.Series([0, 1, 1, 0], dtype=object),
    "nullable truth values": pd.array([False, True, True, False], dtype="boolean"),
    "nullable integers": pd.array([0, 1, 1, 0], dtype="Int64"),
    "Arrow's truth values": pd.array([False, True, True, False], dtype="bool[pyarrow]"),
    "Arrow's integers": pd.array([0, 1, 1, 0], dtype="int64[pyarrow]"),
    "categories of numbers": pd.Categorical([0, 1, 1, 0]),
    "categories, the event first": pd.Categorical([False, True, True, False], categories=[True, False]),
    "ordered categories": pd.Categorical(["wt", "mut", "mut", "wt"], categories=["wt", "none", "mut"], ordered=True),
}


@pytest.mark.parametrize("stored", BINARY)
def test_a_binary_outcome_is_the_same_however_it_is_stored(stored):
    endpoint = read(BINARY[stored], "bernoulli")
    np.testing.assert_array_equal(endpoint.value, [0, 1, 1, 0])
    assert endpoint.value.dtype == float
    assert endpoint.categories is not None
    assert endpoint.categories.tolist() == (["wt", "mut"] if stored == "ordered categories" else ["0", "1"])


@pytest.mark.parametrize(
    "values",
    [
        ["Mutant", "wt", "wt"],
        pd.array(["Mutant", "wt", "wt"], dtype="string"),
        pd.array(["Mutant", "wt", "wt"], dtype="string[pyarrow]"),
        pd.Categorical(["Mutant", "wt", "wt"]),
    ],
)
def test_which_text_is_the_event_is_asked_and_never_guessed(values):
    with pytest.raises(TableError, match=r"Mutant, wt\): say the order with categories"):
        read(values, "bernoulli")
    endpoint = read(values, "bernoulli", categories=["wt", "Mutant"])
    np.testing.assert_array_equal(endpoint.value, [1, 0, 0])


def test_categories_may_be_given_as_numbers_or_as_their_text():
    for given, stored in (([0, 1], ["0", "1", "1"]), (["0", "1"], [0.0, 1.0, 1.0]), ([False, True], [0, 1, 1])):
        np.testing.assert_array_equal(read(stored, "bernoulli", categories=given).value, [0, 1, 1])
    np.testing.assert_array_equal(read([2, 1, 2], "bernoulli", categories=(2, 1)).value, [0, 1, 0])


@pytest.mark.parametrize(
    ("values", "options", "categories"),
    [
        ([-2, 0, 1, 2, -1], {}, ["-2", "-1", "0", "1", "2"]),
        ([2.5, 10.0, 3.0], {}, ["2.5", "3", "10"]),
        (["G3", "G2", "G4"], {"categories": ["G2", "G3", "G4"]}, ["G2", "G3", "G4"]),
        (["G3", "G2", "G4"], {"categories": ["G1", "G2", "G3", "G4"]}, ["G1", "G2", "G3", "G4"]),
        (pd.Categorical(list("abc"), categories=list("czba"), ordered=True), {}, ["c", "b", "a"]),
    ],
)
def test_ordered_categories_keep_their_order_and_unused_levels_only_if_they_are_named(values, options, categories):
    endpoint = read(values, "ordinal", **options)
    assert endpoint.categories is not None
    assert endpoint.categories.tolist() == categories
    assert [categories[int(code)] for code in endpoint.value] == [outcome_label(cell) for cell in values]


def test_kinds_need_no_order_but_keep_that_of_their_column():
    plain = read(["R2", "R1", "R3"], "categorical").categories
    own = read(pd.Categorical(["R2", "R1", "R3"], categories=["R3", "R1", "R2", "R0"]), "categorical").categories
    assert plain is not None
    assert own is not None
    assert plain.tolist() == ["R1", "R2", "R3"]
    assert own.tolist() == ["R3", "R1", "R2"]


def test_ranks_take_two_values_thousands_or_named_ones():
    rng = np.random.default_rng(0)
    values = rng.normal(size=2000)
    endpoint = read(values, "rank")
    np.testing.assert_array_equal(endpoint.categories, np.sort(values))
    np.testing.assert_array_equal(endpoint.value, np.argsort(np.argsort(values)))
    np.testing.assert_array_equal(read([3, 1, 3, 1], "rank").value, [1, 0, 1, 0])
    np.testing.assert_array_equal(read([True, False, True], "rank").value, [1, 0, 1])
    single = np.float32([0.1, 0.3, 0.2])
    np.testing.assert_array_equal(read(single, "rank").value, [0, 2, 1])
    np.testing.assert_array_equal(read(["low", "high", "low"], "rank", categories=["low", "high"]).value, [0, 1, 0])


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e5])
def test_continuous_outcomes_are_standardised_in_any_unit_and_remember_it(unit):
    values = np.random.default_rng(1).gamma(3.0, size=50) * unit
    endpoint = read(values, "gaussian")
    np.testing.assert_allclose([endpoint.value.mean(), endpoint.value.std(ddof=1)], [0.0, 1.0], atol=1e-12)
    own = endpoint.attributes
    np.testing.assert_allclose(own["location"] + own["scale"] * endpoint.value, values)
    logarithms = read(values, "student_t", scale="log")
    np.testing.assert_allclose(
        np.exp(logarithms.attributes["location"] + logarithms.attributes["scale"] * logarithms.value), values
    )


def test_counts_are_as_they_are():
    for stored in ([0, 4, 2], [0.0, 4.0, 2.0], pd.array([0, 4, 2], dtype="Int64")):
        np.testing.assert_array_equal(read(stored, "negative_binomial").value, [0, 4, 2])


DATES = pd.to_datetime(["2020-01-01", "2021-01-01", "2022-01-01"])
REFUSED = {
    "a constant": ([1, 1, 1], "bernoulli", {}, "is 1 in all 3 rows that are complete"),
    "a constant measurement": ([2.5, 2.5, 2.5], "gaussian", {}, "is 2.5 in all 3 rows that are complete"),
    "a constant but for rounding": ([0.3, 0.1 + 0.2, 0.3], "gaussian", {}, "but for rounding"),
    "numbers beyond a computer's": ([1e200, 2e200, 4e200], "gaussian", {}, "give it in other units"),
    "complex numbers": ([1j, 2.0, 3.0], "gaussian", {}, "complex"),
    "numbers other than 0 and 1": ([1, 2, 2], "bernoulli", {}, r"has the values 1, 2; .* categories=\(without"),
    "three categories for two": ([0, 1, 2], "bernoulli", {"categories": [0, 1, 2]}, "has 3 categories"),
    "two categories for three": ([0, 1, 1], "ordinal", {}, "use the family 'bernoulli'"),
    "too many categories": (range(30), "ordinal", {}, "has 30 categories; .* Use 'rank'"),
    "a column of names": ([f"P{n}" for n in range(30)], "categorical", {}, "has 30 categories"),
    "an unnamed category": (["a", "b", "c"], "ordinal", {"categories": ["b", "a", "d"]}, "row 2: 'c' is none of the"),
    "a category twice": ([0, 1, 2], "ordinal", {"categories": [0, 1, 1.0, 2]}, "stand there twice: 1"),
    "text without order": (["b", "a", "c"], "ordinal", {}, r"is text \(a, b, c\): say the order"),
    "categories without order": (pd.Categorical(["b", "a", "c"]), "rank", {}, "its categories have no order"),
    "an infinite rank": ([1.0, np.inf, 3.0], "rank", {}, "row 1: inf is infinite"),
    "an infinite grade": ([1.0, np.inf, 3.0], "ordinal", {}, "row 1: inf is infinite"),
    "dates": (DATES, "rank", {}, "holds dates"),
    "a negative count": ([3, -1, 2], "negative_binomial", {}, "row 1: -1 is no count"),
    "half a count": ([3, 1, 0.5], "negative_binomial", {}, "row 2: 0.5 is no count"),
    "nothing but zeros": ([0, 0, 0], "negative_binomial", {}, "is 0 in all 3 rows that are complete"),
    "text among numbers": (["1", "2,5", "3"], "gaussian", {}, "row 1: '2,5' is not a number"),
    "logarithms of zero": ([0.0, 1.0, 2.0], "gaussian", {"scale": "log"}, "needs positive values"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_outcomes_that_a_family_cannot_have_are_refused_with_the_mend(what):
    values, family, options, message = REFUSED[what]
    with pytest.raises(TableError, match=message):
        read(values, family, **options)


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("gaussian", {"categories": [1, 2]}),
        ("negative_binomial", {"categories": [1, 2]}),
        ("gaussian", {"scale": "zscore"}),
        ("bernoulli", {"scale": "log"}),
        ("bernoulli", {"categories": "01"}),
        ("bernoulli", {"categories": []}),
    ],
)
def test_options_that_a_family_does_not_have_are_mistakes_of_the_call(family, options):
    with pytest.raises(TypeError, match=r"categories|scale|transformation"):
        read([0, 1, 1], family, **options)
