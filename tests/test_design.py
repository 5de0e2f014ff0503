"""Designs: what they can tell apart, found from expected mean squares, and tables that are read strictly."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.design import (
    confounded,
    cross,
    factor,
    identified,
    number,
    number_within,
    read_feature,
    read_features,
    require_column,
    require_distinct,
)
from bayesrg.errors import DesignError, TableError


def with_residual(**components: list[int]) -> dict[str, np.ndarray]:
    arrays = {name: np.asarray(levels) for name, levels in components.items()}
    return {**arrays, "residual": np.arange(len(next(iter(arrays.values()))))}


def information_rank(components: dict[str, np.ndarray]) -> int:
    """Rank of the contrasts' covariance matrices, as vectors: what any quadratic forms can tell apart."""
    size = len(components["residual"])
    centre = np.eye(size) - 1.0 / size
    parts = [centre @ (levels[:, None] == levels[None, :]).astype(float) @ centre for levels in components.values()]
    return int(np.linalg.matrix_rank(np.array([part.ravel() for part in parts]), tol=1e-8))


@given(seed=st.integers(0, 2**32 - 1))
def test_confounding_is_linear_dependence_of_the_covariances(seed: int):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(4, 14))
    components = {
        str(k): np.unique(rng.integers(int(rng.integers(1, size)), size=size), return_inverse=True)[1]
        for k in range(int(rng.integers(1, 5)))
    }
    components["residual"] = np.arange(size)
    names = confounded(components)
    assert (len(names) > 0) == (information_rank(components) < len(components))
    if any(levels.max() == 0 for levels in components.values()):
        assert all(components[name].max() == 0 for name in names)  # first things first
        return
    # Those that it does not name can be told apart.
    rest = {name: levels for name, levels in components.items() if name not in names}
    assert information_rank({"residual": components["residual"], **rest}) >= len(rest)


@pytest.mark.parametrize(
    ("components", "names"),
    [
        (with_residual(subject=[0, 0, 1, 1, 2, 2], scanner=[0, 1, 0, 1, 0, 1]), []),
        (with_residual(subject=[0, 0, 1, 1, 2, 2], scanner=[0, 0, 1, 1, 2, 2]), ["subject", "scanner"]),
        (with_residual(subject=[0, 0, 1, 1, 2, 2], session=[0, 1, 2, 3, 4, 5]), ["session", "residual"]),
        (with_residual(subject=[0, 0, 1, 1, 2, 2], scanner=[0, 0, 0, 0, 0, 0]), ["scanner"]),
        # Every pair of two components is covered by one measurement: the third is their interaction.
        (with_residual(subject=[0, 0, 1, 1], scanner=[0, 1, 0, 1], both=[0, 1, 2, 3]), ["both", "residual"]),
        # Two levels of three subjects each, one scanner a level: neither is the other, but both are known.
        (with_residual(subject=[0, 0, 1, 1, 2, 2, 3, 3], scanner=[0, 0, 0, 0, 1, 1, 1, 1]), []),
    ],
)
def test_names_of_components_that_trade_places(components: dict[str, np.ndarray], names: list[str]):
    assert confounded(components) == names


def test_a_large_design_is_fast_and_exact():
    rows = np.array(list(np.ndindex(200, 2, 3, 4)))
    subject, session, scanner, preprocessing = rows.T
    components = with_residual(
        subject=subject,
        session=2 * subject + session,
        scanner=scanner,
        preprocessing=preprocessing,
        both=3 * subject + scanner,
    )
    assert confounded(components) == []
    assert confounded(components | {"twin": subject}) == ["subject", "twin"]


def test_errors_name_the_components_their_levels_and_the_mend():
    with pytest.raises(DesignError) as caught:
        require_distinct(with_residual(subject=[0, 0, 1, 1, 2, 2], scanner=[0, 0, 1, 1, 2, 2]))
    message = str(caught.value)
    assert "cannot tell apart subject and scanner (subject: 3 levels, scanner: 3 levels, 6 rows)" in message
    assert "Leave one of them out" in message
    with pytest.raises(DesignError, match=r"^scanner: one level only"):
        require_distinct(with_residual(subject=[0, 0, 1, 1], scanner=[0, 0, 0, 0]))


def test_identified_adds_what_can_be_known_and_refuses_what_has_two_names():
    components = with_residual(subject=[0, 0, 0, 0, 1, 1, 1, 1], scanner=[0, 0, 1, 1, 0, 0, 1, 1])
    components |= {"subject:scanner": np.array([0, 0, 1, 1, 2, 2, 3, 3]), "again": np.array([0, 0, 1, 1, 2, 2, 3, 3])}
    assert identified(["subject:scanner"], {k: v for k, v in components.items() if k != "again"}) == ["subject:scanner"]
    with pytest.raises(DesignError, match="cannot tell apart subject:scanner from again"):
        identified(["subject:scanner", "again"], components)


def test_an_interaction_that_only_the_residual_stands_for_is_left_to_it():
    components = with_residual(subject=[0, 0, 1, 1, 2, 2], scanner=[0, 1, 0, 1, 0, 1])
    assert identified(["subject:scanner"], {**components, "subject:scanner": np.arange(6)}) == []


# Labels


def test_labels_are_numbered_in_natural_order():
    codes, labels = number(pd.Series(["s10", "s2", "s1", "s2"]))
    assert labels.tolist() == ["s1", "s2", "s10"]
    assert codes.tolist() == [2, 1, 0, 1]


def test_whole_numbers_are_one_label_however_they_are_stored():
    table = pd.DataFrame({"integer": [1, 2], "float": [1.0, 2.0], "half": [1.0, 2.5], "text": ["1", "2"]})
    assert factor(table, "integer", "session").tolist() == ["1", "2"]
    assert factor(table, "float", "session").tolist() == ["1", "2"]
    assert factor(table, "half", "session").tolist() == ["1.0", "2.5"]
    assert factor(table, "text", "session").tolist() == ["1", "2"]


def test_columns_that_are_not_there_or_stand_twice():
    table = pd.DataFrame([[1, 2]], columns=["site", "site"])
    with pytest.raises(TableError, match="no column 'scanner' for scanner; the table has site"):
        factor(table, "scanner", "scanner")
    with pytest.raises(TableError, match="2 columns named 'site'"):
        factor(table, "site", "scanner")


def test_missing_labels_are_named_by_row():
    table = pd.DataFrame({"scanner": ["A", None, "B", None]}, index=[10, 11, 12, 13])
    with pytest.raises(TableError, match=r"'scanner' \(scanner\) has 2 missing label\(s\), at row\(s\) 11, 13"):
        factor(table, "scanner", "scanner")


def test_crossing_and_numbering_within():
    assert cross(pd.Series(["a", "b"]), pd.Series(["1", "2"])).tolist() == ["a / 1", "b / 2"]
    levels, nest = np.array([5, 7, 9, 9, 11]), np.array([0, 0, 1, 1, 1])
    assert number_within(levels, nest).tolist() == [0, 1, 0, 0, 1]


# Values


def test_rows_without_a_value_are_dropped_and_counted():
    table = pd.DataFrame({"mean": [1.0, np.nan, 3.0], "subject": ["a", "b", "c"]})
    kept, value, dropped = read_feature(table, "mean")
    assert kept["subject"].tolist() == ["a", "c"]
    assert value.tolist() == [1.0, 3.0]
    assert dropped == {"mean is missing": 1}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, "1,5", 2.0], r"column 'mean', row 1: '1,5' is not a number \(1 such row\(s\)\)"),
        ([1.0, np.inf, -np.inf], r"column 'mean', row 1: inf is infinite \(2 such row\(s\)\)"),
    ],
)
def test_values_that_are_not_numbers_are_named(values: list, message: str):
    with pytest.raises(TableError, match=message):
        read_feature(pd.DataFrame({"mean": values}), "mean")


def test_other_tables_that_cannot_be_read():
    table = pd.DataFrame({"statistics_mean": [1.0], "statistics_mode": [2.0]})
    with pytest.raises(TableError, match="did you mean statistics_mean"):
        read_feature(table, "statistics_men")
    with pytest.raises(TableError, match="the table has statistics_mean, statistics_mode"):
        read_feature(table, "zzz")
    with pytest.raises(TableError, match="no rows"):
        read_feature(table.iloc[:0], "statistics_mean")


def test_many_features_are_read_side_by_side_and_unreadable_ones_named():
    table = pd.DataFrame(
        {"a": [1.0, np.nan, np.nan, 4.0], "b": [np.nan, 2.0, np.nan, 5.0], "text": ["x", "1", "2", "3"]},
        index=[10, 11, 12, 13],
    )
    kept, values, unreadable, dropped = read_features(
        table[["a", "b"]].assign(text=["x", None, None, "3"]), ["a", "b", "text"]
    )
    assert len(kept) == 3
    np.testing.assert_array_equal(values["a"], [1.0, np.nan, 4.0])
    np.testing.assert_array_equal(values["b"], [np.nan, 2.0, 5.0])
    assert list(unreadable) == ["text"]
    assert "row 10: 'x' is not a number" in unreadable["text"]
    assert dropped == {"every feature is missing": 1}


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([], "no feature was named"),
        (["a", "b", "a"], "named more than once: a"),
        (["a", "zzz"], "no column 'zzz'"),
        (["text"], "none of the 1 features has a number: column 'text', row 0"),
        (["empty"], "all cells are empty"),
    ],
)
def test_features_that_cannot_be_read_at_all(features: list[str], message: str):
    table = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "text": ["x", "y"], "empty": [np.nan, np.nan]})
    with pytest.raises(TableError, match=message):
        read_features(table, features)


def test_labels_that_hold_the_separator_do_not_collide():
    with pytest.raises(TableError, match="rename those labels"):
        cross(pd.Series(["a / b", "a"]), pd.Series(["c", "b / c"]))


def test_a_factor_that_is_the_residual_is_said_to_be_it():
    levels = np.arange(6)
    with pytest.raises(DesignError, match="leave session out, it is the residual"):
        require_distinct({"subject": levels // 2, "session": levels, "residual": levels})


@pytest.mark.parametrize("missing", ["NA", " ", "nan", "inf"])
def test_a_label_that_reads_as_missing_is_refused_with_its_row(missing):
    with pytest.raises(TableError, match=r"1 missing label\(s\), at row\(s\) 1"):
        factor(pd.DataFrame({"scanner": ["A", missing]}), "scanner", "scanner")


def test_labels_that_differ_in_case_or_white_space_only_are_refused():
    with pytest.raises(TableError, match="'A' and 'a ', which differ in case or white space only"):
        factor(pd.DataFrame({"scanner": ["A", "B", "a "]}), "scanner", "scanner")


def test_a_superscript_is_no_number():
    assert list(number(pd.Series(["m²", "m1"]))[1]) == ["m1", "m²"]


def test_a_gene_without_its_variable_is_found_under_both_names():
    with pytest.raises(TableError, match="did you mean mutated_IDH1"):
        require_column(pd.DataFrame({"mutated_IDH1": [0, 1], "IDH1x": [0, 1]}), "IDH1")
