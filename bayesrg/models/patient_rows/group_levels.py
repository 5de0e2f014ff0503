"""Groups such as site or batch: which level each row is of, all groupings one after the other."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import DesignError
from bayesrg.models.patient_rows.cells import labels_of, read_column


def add_groups(data: xr.Dataset, table: pd.DataFrame, groups: Sequence[str]) -> xr.Dataset:
    """The Dataset with `group_index` (patient, grouping) and `level_grouping` (level).

    Raises
    ------
    DesignError
        For a group of one level, of a level for every row, and for two that divide the rows alike.
    """
    levels, index, grouping = [], [], []
    codes: dict[str, np.ndarray] = {}
    for number, name in enumerate(groups):
        code, own = pd.factorize(labels_of(read_column(table, name)), sort=True)
        if len(own) < 2:
            raise DesignError(f"group {name!r} has one level, {own[0]}: it has no effects to tell apart")
        if len(own) == len(table):
            raise DesignError(
                f"group {name!r} has a level for every row, so its effects cannot be told from the rows' own variation"
            )
        for other, before in codes.items():
            pairs = len(set(zip(before, code, strict=True)))
            if pairs == len(own) == before.max() + 1:
                raise DesignError(
                    f"groups {other!r} and {name!r} divide the rows alike, so that nothing can tell their effects "
                    "apart: leave one out"
                )
        codes[name] = code
        index.append(code + len(levels))
        levels += [f"{name}: {level}" for level in own]
        grouping += [number] * len(own)
    return data.assign_coords(grouping=np.array(groups, dtype=str), level=np.array(levels, dtype=str)).assign(
        group_index=(("patient", "grouping"), np.array(index, dtype=int).reshape(len(groups), len(table)).T),
        level_grouping=("level", np.array(grouping, dtype=int)),
    )
