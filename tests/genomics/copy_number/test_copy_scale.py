"""Scales of copy number: they tell the same, are told apart, and have a floor."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.errors import TableError
from bayesrg.genomics.copy_number.copy_scale import LOWEST_RATIO, SCALES, check_scale, to_log2_ratio


@given(copies=st.lists(st.floats(0.05, 40.0), min_size=1, max_size=20))
def test_scales_tell_the_same(copies):
    copies = np.array(copies)
    on = {
        "log2_ratio": np.log2(copies / 2),
        "ratio": copies / 2,
        "copy_number": copies,
        "copy_number_minus_2": copies - 2,
    }
    for scale in SCALES:
        values, raised = to_log2_ratio(on[scale], scale)
        np.testing.assert_allclose(values, np.log2(copies / 2), atol=1e-9)
        assert raised == 0


@pytest.mark.parametrize("scale", SCALES)
def test_normal_genomes_on_another_scale_are_noticed(scale):
    normal = {"log2_ratio": 0.0, "ratio": 1.0, "copy_number": 2.0, "copy_number_minus_2": 0.0}
    random = np.random.default_rng(1)
    for other, centre in normal.items():
        values = centre + random.normal(scale=0.02, size=50)
        if centre == normal[scale]:
            check_scale(values, np.ones(50), scale, "here")
        elif {scale, other} != {"copy_number_minus_2", "log2_ratio"}:
            with pytest.raises(TableError, match=r"here: (half of the genome|the smallest value)"):
                check_scale(values, np.ones(50), scale, "here")


def test_the_lowest_ratio_is_reached_once():
    once, raised = to_log2_ratio(np.array([-20.0, np.nan, 0.0]), "log2_ratio")
    np.testing.assert_array_equal(once, [np.log2(LOWEST_RATIO), np.nan, 0.0])
    assert raised == 1
    again, raised = to_log2_ratio(once - 1e-12, "log2_ratio")
    np.testing.assert_allclose(again, once, atol=1e-11)
    assert raised == 0


@pytest.mark.parametrize(("scale", "less"), [("copy_number", 0.0), ("copy_number_minus_2", 2.0)])
def test_copies_are_relative_to_those_of_normal_cells(scale, less):
    found, raised = to_log2_ratio(np.array([2.0, 1.0, 0.0]) - less, scale, np.array([2.0, 1.0, 0.0]))
    np.testing.assert_array_equal(found, [0.0, 0.0, np.nan])
    assert raised == 0
