"""What the kernels accept as grey levels."""

import numpy as np
import pytest

from bayesrg.errors import RegionError, SettingsError
from bayesrg.radiomics.kernels.levels import check_levels


def test_levels_become_contiguous_32_bit_integers_of_the_same_shape():
    given = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)[:, ::-1]
    checked, highest = check_levels(given)
    assert (checked.dtype, checked.flags.c_contiguous, highest) == (np.int32, True, 23)
    np.testing.assert_array_equal(checked, given)


@pytest.mark.parametrize(
    ("levels", "error", "message"),
    [
        ([0, 0], RegionError, "empty"),
        (np.zeros((0, 3), dtype=int), RegionError, "empty"),
        ([3, -1], RegionError, "start at 1 .* but -1 was found"),
        ([1, 2_000_000], SettingsError, r"reach 2000000.*larger width"),
        ([1.0, 2.0], TypeError, "whole numbers"),
    ],
)
def test_what_is_no_grey_level_is_refused(levels, error, message):
    with pytest.raises(error, match=message):
        check_levels(levels)
