"""Regions of grey levels, and the families without directions that describe them."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bayesrg.radiomics import Settings
from bayesrg.radiomics.region import Region
from bayesrg.settings import from_dict

regions = hnp.arrays(np.int32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5), elements=st.integers(0, 4)).filter(
    np.any
)


def region_of(levels, mask=None):
    """Return a region of grey levels, with a morphological mask of its own if one is given."""
    levels = np.asarray(levels, dtype=np.int32)
    inside = levels > 0 if mask is None else mask
    return Region(levels.astype(float), inside, levels > 0, levels, (1.0, 1.0, 1.0))


def describe_region(family, levels, mask=None, **options):
    """Return a family's features of grey levels, in 3D, 2.5D and 2D."""
    chosen = from_dict(Settings, {family: {"aggregation": ["3d", "2p5d", "2d"], **options}})
    return import_module(f"bayesrg.radiomics.families.{family}").describe(region_of(levels, mask), chosen)


def assert_same(found, expected):
    """All features are the same but for rounding, in every aggregation."""
    for aggregation in ("3d", "2p5d", "2d"):
        for name in found[aggregation]:
            near = pytest.approx(expected[aggregation][name], rel=1e-9, abs=1e-9, nan_ok=True)
            assert found[aggregation][name] == near, (aggregation, name)
