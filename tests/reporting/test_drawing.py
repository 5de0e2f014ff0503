"""Drawings: what is in the SVG, and the numbers behind the lines."""

import re

import numpy as np
import pytest

from bayesrg.reporting.drawing import Cumulative, make_embeddable, shorten


def test_ids_carry_the_figures_name_and_references_follow():
    svg = (
        '<?xml version="1.0"?><!DOCTYPE svg><svg width="1"><metadata>\nwhen</metadata>'
        '<defs><style type="text/css">*{stroke-linejoin: round}</style></defs>'
        '<clipPath id="a"/><g clip-path="url(#a)"><use xlink:href="#b"/></g><path id="b"/></svg>'
    )
    made = make_embeddable(svg, "icc", "x < y", 'says "z"')
    assert made.startswith("<svg ")
    assert set(re.findall(r'\sid="([^"]+)"', made)) == {"icc-a", "icc-b", "icc-title", "icc-desc"}
    assert 'url(#icc-a)"' in made
    assert 'href="#icc-b"' in made
    assert "x &lt; y" in made
    assert "metadata" not in made
    assert "<style" not in made


@pytest.mark.parametrize(
    ("label", "width", "shown"),
    [
        ("short", 22, "short"),
        ("abcdefghij", 7, "abc…hij"),
        ("abcdefghij", 6, "abc…ij"),
        ("abcdefghij", 10, "abcdefghij"),
    ],
)
def test_long_labels_lose_their_middle(label, width, shown):
    assert shorten(label, width) == shown


def test_bands_are_quantiles_of_cumulative_shares():
    rng = np.random.default_rng(3)
    replicated, observed = rng.normal(size=(200, 30)), rng.normal(size=30)
    grid = np.linspace(-2, 2, 9)
    curves = Cumulative(replicated, observed, grid, grid, "model")
    shares = (replicated[:, :, None] <= grid).mean(axis=1)
    np.testing.assert_allclose(curves.bands, np.quantile(shares, [0.025, 0.25, 0.5, 0.75, 0.975], axis=0))
    np.testing.assert_allclose(curves.data, (observed[:, None] <= grid).mean(axis=0))
