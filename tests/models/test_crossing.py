"""The mean and the crossing effects of many features have the posterior that the recovery of one feature gives."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.models import Stability
from bayesrg.models.crossing import recover_crossing
from bayesrg.models.layout import EFFECTS, Layout, select_feature

DRAWS = 40_000


@pytest.mark.parametrize("session", ["nested", "crossed"])
@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_moments_are_those_of_the_exact_posterior(make_table, session: str, missing: float):
    table = make_table(missing=missing, seed=3, subject=6, session=2, scanner=3, preprocessing=2)
    table["other"] = table["value"] * 2.0 + np.random.default_rng(4).standard_normal(len(table))
    model = Stability(session=session)
    columns = {role: role for role in ("subject", "session", "scanner", "preprocessing")}
    data = model.prepare(table, features=["value", "other"], **columns)
    layout = Layout(data)
    assert (layout.strata is not None) == (missing == 0.0)
    rng = np.random.default_rng(5)
    chosen = np.array([0.6, 0.2, 0.3, 0.15, 0.1, 0.12, 0.3])[: data.sizes["component"]]
    variance = np.tile(np.append(chosen, 1.0), (2, DRAWS, 1))
    found = recover_crossing(layout, data["value"].values, variance, rng)
    exact = layout_of(select_feature(data, "other")).recover(variance[1], rng)
    crossing = {EFFECTS[name][0] for name in layout.components if "subject" not in layout.facets[name]}
    assert set(found) == {"mu", *crossing}
    for name in found:
        ours, theirs = found[name][1], exact[name].values
        error = np.sqrt(2.0 / DRAWS) * theirs.std(axis=0)
        assert np.all(np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 4.5 * error), name
        assert ours.std(axis=0) == pytest.approx(theirs.std(axis=0), rel=4.5 / np.sqrt(DRAWS)), name
    joint = [np.column_stack([draws["mu"], draws["gamma"]]) for draws in (wrap(found, 1), exact)]
    correlations = [np.corrcoef(draws, rowvar=False) for draws in joint]
    np.testing.assert_allclose(correlations[0], correlations[1], atol=4.5 * np.sqrt(2.0 / DRAWS))


def layout_of(data: xr.Dataset) -> Layout:
    return Layout(data)


def wrap(found, member: int) -> dict[str, np.ndarray]:
    return {name: own[member] for name, own in found.items()}


def test_unequal_levels_are_refused_nowhere():
    table = pd.DataFrame(list(np.ndindex(4, 2, 2)), columns=["subject", "session", "scanner"]).iloc[:-1]
    table["a"] = np.random.default_rng(0).standard_normal(len(table))
    data = Stability(interactions=()).prepare(
        table, features=["a"], subject="subject", session="session", scanner="scanner"
    )
    found = recover_crossing(Layout(data), data["value"].values, np.full((1, 7, 5), 0.3), np.random.default_rng(0))
    assert found["mu"].shape == (1, 7)
    assert found["gamma"].shape == (1, 7, 2)
