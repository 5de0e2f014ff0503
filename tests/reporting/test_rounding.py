"""Numbers as they are printed."""

import math

import pytest

from bayesrg.reporting.rounding import equation, fineness, interval, probability, rounded, significant


@pytest.mark.parametrize(
    ("value", "resolution", "shown"),
    [
        (0.66725, 0.0013, "0.67"),
        (0.66725, 0.01, "0.67"),
        (20.0983, 0.05, "20.1"),
        (100.27, 0.108, "100"),
        (-3.14159, 0.01, "−3.14"),
        (-0.0004, 0.01, "0.00"),
        (123456.0, 900.0, "123000"),
        (12345678.0, 900.0, "1.2346 × 10⁷"),
        (0.0000123, 0.0000004, "1.2 × 10⁻⁵"),
        (2.0, 0.0, "2.00"),
        (2.0, math.nan, "2.00"),
        (math.nan, 0.1, "–"),
        (math.inf, 0.1, "∞"),
    ],
)
def test_rounded_keeps_no_digit_below_the_resolution(value, resolution, shown):
    assert rounded(value, resolution) == shown


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [(0, 3, "0"), (0.012345, 3, "0.0123"), (1234.5, 3, "1230"), (-1.5e-7, 2, "−1.5 × 10⁻⁷"), (3.0, 3, "3.00")],
)
def test_significant_digits(value, digits, shown):
    assert significant(value, digits) == shown


def test_an_interval_with_a_negative_bound_is_not_written_with_a_dash():
    assert interval(0.474, 0.823, 0.01) == "0.47–0.82"
    assert interval(-3.0, 2.0, 0.1) == "−3.0 to 2.0"


@pytest.mark.parametrize(
    ("value", "draws", "shown"),
    [
        (0.174, 4000, "0.17"),
        (0.00175, 4000, "0.002"),
        (0.0, 400, "<\u00a00.003"),
        (0.0, 4000, "<\u00a00.001"),
        (1.0, 4000, ">\u00a00.999"),
        (0.0, 80, "<\u00a00.02"),
        (1.0, 80, ">\u00a00.98"),
        (0.9925, 4000, "0.993"),
        (0.5, 400, "0.50"),
    ],
)
def test_draws_never_give_certainty(value, draws, shown):
    assert probability(value, draws) == shown


def test_equations_do_not_repeat_a_relation():
    assert equation("0.17") == "=\u00a00.17"
    assert equation("<\u00a00.001") == "<\u00a00.001"


@pytest.mark.parametrize(
    ("mcse", "sd", "shown"),
    [(0.05, 3.3, "20.1"), (0.05, 4.7, "20"), (0.3, 3.3, "20"), (0.001, 0.33, "20.12"), (0.001, 0.36, "20.1")],
)
def test_estimates_have_at_most_two_digits_of_their_sd_and_none_below_the_monte_carlo_error(mcse, sd, shown):
    assert rounded(20.123, fineness(mcse, sd)) == shown
