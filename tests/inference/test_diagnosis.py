"""`diagnose` names each way in which a sampler fails, and where."""

import numpy as np
import pytest
import xarray as xr

from bayesrg.inference import Diagnosis, diagnose

CHAINS, DRAWS = 4, 500


def make_tree(posterior: np.ndarray, **statistics: np.ndarray) -> xr.DataTree:
    """A tree of one variable (chain, draw, place) and sampler statistics that are well unless given."""
    rng = np.random.default_rng(9)
    well = {
        "diverging": np.zeros((CHAINS, DRAWS), dtype=bool),
        "energy": rng.standard_normal((CHAINS, DRAWS)),
        "maxdepth_reached": np.zeros((CHAINS, DRAWS), dtype=bool),
    }
    variable = (("chain", "draw", "place"), posterior)
    coords = {"chain": range(CHAINS), "draw": range(DRAWS), "place": ["here", "there"]}
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"height": variable}, coords),
            "estimands": xr.Dataset(
                {"square": (variable[0], posterior**2), "certain": (variable[0], posterior < 1e9)}, coords
            ),
            "sample_stats": xr.Dataset(
                {name: (("chain", "draw"), own) for name, own in {**well, **statistics}.items()}
            ),
        }
    )


@pytest.fixture
def independent() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((CHAINS, DRAWS, 2))


def failed(diagnosis: Diagnosis) -> set[str]:
    return {check.name for check in diagnosis.checks if not check.passed}


def test_independent_draws_have_converged(independent: np.ndarray):
    diagnosis = diagnose(make_tree(independent))
    assert diagnosis.passed
    assert diagnosis.verdict == "converged"
    assert str(diagnosis).startswith("converged\npass")


def test_a_chain_elsewhere(independent: np.ndarray):
    independent[2, :, 1] += 3.0
    diagnosis = diagnose(make_tree(independent))
    assert {"R-hat", "bulk ESS"} <= failed(diagnosis)
    assert diagnosis.verdict.startswith("NOT CONVERGED: R-hat")
    assert "height[there]" in diagnosis.verdict


def test_chains_that_hardly_move():
    steps = np.random.default_rng(1).standard_normal((CHAINS, DRAWS, 2))
    slow = np.cumsum(steps, axis=1)
    assert {"R-hat", "bulk ESS", "tail ESS"} <= failed(diagnose(make_tree(slow)))


def test_divergences_are_counted(independent: np.ndarray):
    diverging = np.zeros((CHAINS, DRAWS), dtype=bool)
    diverging[1, [3, 7]] = True
    diagnosis = diagnose(make_tree(independent, diverging=diverging))
    assert failed(diagnosis) == {"divergences"}
    assert "divergences 2" in diagnosis.verdict


def test_energy_that_moves_in_small_steps(independent: np.ndarray):
    energy = np.cumsum(np.random.default_rng(1).standard_normal((CHAINS, DRAWS)), axis=1)
    assert failed(diagnose(make_tree(independent, energy=energy))) == {"E-BFMI"}


def test_trees_at_their_greatest_depth(independent: np.ndarray):
    deepest = np.zeros((CHAINS, DRAWS), dtype=bool)
    deepest[0, 0] = True
    assert failed(diagnose(make_tree(independent, maxdepth_reached=deepest))) == {"tree depth"}


def test_a_quantity_of_which_one_chain_is_constant_is_not_overlooked(independent: np.ndarray):
    independent[1, :, 0] = 0.3
    assert "R-hat" in failed(diagnose(make_tree(independent)))


def test_draws_that_are_not_numbers_are_not_overlooked(independent: np.ndarray):
    independent[1, 5, 0] = np.nan  # and so its square
    diagnosis = diagnose(make_tree(independent))
    assert "infinite or NaN draws" in failed(diagnosis)
    assert "infinite or NaN draws 2 at height" in diagnosis.verdict


def test_what_cannot_be_computed_does_not_pass(tree):
    single = xr.DataTree.from_dict({name: node.to_dataset() for name, node in tree.children.items()})
    for group in ("posterior", "estimands", "sample_stats"):
        single[group] = single[group].to_dataset().isel(chain=[0], draw=slice(3))
    found = diagnose(single)
    assert not found.passed
    assert not next(check for check in found.checks if check.name == "R-hat").passed
