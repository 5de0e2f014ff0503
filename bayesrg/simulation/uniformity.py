"""Whether ranks are uniform, as they must be when a posterior is calibrated: simultaneous bands around the ECDF.

If parameters are drawn from the prior, data from the model, and the posterior is right, the rank of the true value
among the posterior's draws is uniform (Talts et al. 2018, arXiv:1804.06788). The bands hold the whole empirical
distribution function with a stated probability (Säilynoja, Bürkner & Vehtari 2022, doi:10.1007/s11222-022-10090-6) and
are ArviZ's own.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayesrg.files import replace_atomically

BAND_SIMULATIONS = 20_000  # so that a probability of 0.999 is still a quantile of twenty simulations
BAND_SEED = 20220303


@dataclass(frozen=True)
class Calibration:
    """Ranks of the true values among posterior draws, and how they came about.

    Attributes
    ----------
    ranks : DataFrame of int, a row for each simulated data set and a column for each quantity; from 0 to `draws`
    diagnostics : DataFrame, a row for each data set: the smallest ESS, the largest R-hat, the divergences, and the
        draws it took
    draws : posterior draws that each true value was ranked among
    settings : model, design, seed and sampler, as JSON can hold them
    versions : versions of the packages that the result depends on
    created : time in UTC, ISO 8601
    """

    ranks: pd.DataFrame
    diagnostics: pd.DataFrame
    draws: int
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    created: str

    def ecdf_difference(self) -> tuple[np.ndarray, pd.DataFrame]:
        """Points in (0, 1), and there the ECDF of each quantity's ranks less its expectation (point, quantity)."""
        from arviz_stats.ecdf_utils import compute_ecdf

        points = _points(len(self.ranks))
        spread = self._spread()
        return points, pd.DataFrame({name: compute_ecdf(spread[name].to_numpy(), points) - points for name in spread})

    def check(self, false_alarm: float = 0.05) -> pd.DataFrame:
        """Which quantities leave their band.

        Parameters
        ----------
        false_alarm : probability that a calibrated model fails in any quantity (Bonferroni over the quantities, which
        are dependent,
            so that it is less)

        Returns
        -------
        DataFrame by quantity: `inside` (the ECDF never leaves its band), `excess` (how far it does, at worst; zero
        inside), and `p_value` of ArviZ's test of uniformity (POT-C, which gives no value above a half) for that
        quantity alone.
        """
        from arviz_stats.base.array import array_stats

        _, difference = self.ecdf_difference()
        lower, upper = band(len(self.ranks), 1.0 - false_alarm / self.ranks.shape[1])
        excess = np.maximum(difference.sub(upper, axis=0), -difference.sub(lower, axis=0)).max().clip(lower=0.0)
        spread = self._spread()
        return pd.DataFrame(
            {
                "inside": excess <= 1e-12,
                "excess": excess,
                "p_value": {name: float(array_stats.uniformity_test(spread[name].to_numpy())[0]) for name in spread},
            }
        ).rename_axis("quantity")

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON can hold it."""
        content = asdict(self)
        for name in ("ranks", "diagnostics"):
            content[name] = {str(column): values.tolist() for column, values in getattr(self, name).items()}
        return content

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Calibration":
        """The result that `to_dict` described; other keys are left alone."""
        return cls(
            ranks=pd.DataFrame(content["ranks"]),
            diagnostics=pd.DataFrame(content["diagnostics"]),
            draws=content["draws"],
            settings=content["settings"],
            versions=content["versions"],
            created=content["created"],
        )

    def _spread(self) -> pd.DataFrame:
        """Ranks spread evenly over their own share of (0, 1): uniform exactly when the ranks are."""
        rng = np.random.default_rng(BAND_SEED)
        return (self.ranks + rng.uniform(size=self.ranks.shape)) / (self.draws + 1.0)


@cache
def band(n: int, probability: float) -> tuple[np.ndarray, np.ndarray]:
    """Bounds, lower and upper, that the ECDF of `n` uniform values less its expectation keeps with this probability."""
    from arviz_stats.ecdf_utils import get_pointwise_confidence_band

    points = _points(n)
    lower, upper = get_pointwise_confidence_band(np.quantile(_narrowest(n), probability), n, points)
    return lower - points, upper - points


@cache
def _narrowest(n: int) -> np.ndarray:
    """Pointwise probabilities of the narrowest bands that hold simulated ECDFs of `n` uniform values, in order."""
    from arviz_stats.ecdf_utils import simulate_confidence_bands

    # The function returns quantiles of what it simulates. At these probabilities they are all that it simulated, which
    # serves every band of n values: the simulation takes seconds.
    each = np.linspace(0.0, 1.0, BAND_SIMULATIONS)
    simulated: Any = simulate_confidence_bands(
        n, 1, _points(n), each, BAND_SIMULATIONS, np.random.default_rng(BAND_SEED)
    )
    return simulated


def write_json(content: Mapping[str, Any], path: str | Path) -> Path:
    """Write JSON with each list of numbers on one line, whole or not at all."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    # A line break after a bracket is never inside a string: there it is written as \\n.
    text = re.sub(r"\[\n([-+.\deE,\s]+)\]", lambda found: "[" + "".join(found.group(1).split()) + "]", text)
    target = Path(path)
    with replace_atomically(target) as unfinished:
        unfinished.write_text(text + "\n", encoding="utf-8")
    return target


def plot_calibration(calibration: Calibration, false_alarm: float = 0.05) -> Any:
    """Figure (matplotlib) of every quantity's ECDF difference in its band; those that leave it are marked."""
    from matplotlib.figure import Figure

    points, difference = calibration.ecdf_difference()
    checked = calibration.check(false_alarm)
    lower, upper = band(len(calibration.ranks), 1.0 - false_alarm / len(checked))
    columns = min(6, len(checked))
    rows = -(-len(checked) // columns)
    figure = Figure(figsize=(2.4 * columns, 1.9 * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axis, name in zip(axes, checked.index, strict=False):
        inside = bool(checked.loc[name, "inside"])
        axis.fill_between(points, lower, upper, color="0.85", linewidth=0)
        axis.axhline(0.0, color="0.5", linewidth=0.6)
        axis.plot(points, difference[name], color="#0072B2" if inside else "#D55E00", linewidth=1.0)
        axis.set_title(str(name) if inside else f"{name}: OUTSIDE", fontsize=8)
        axis.tick_params(labelsize=7)
    for axis in axes[len(checked) :]:
        axis.set_axis_off()
    outside = int(np.sum(~checked["inside"].to_numpy()))
    figure.suptitle(
        f"{len(calibration.ranks)} data sets: "
        + (
            f"NOT CALIBRATED in {outside} of {len(checked)} quantities"
            if outside
            else f"all {len(checked)} quantities calibrated"
        )
        + f" (simultaneous bands, false alarm {false_alarm:g})",
        fontsize=10,
    )
    figure.supxlabel("rank of the true value, as a fraction", fontsize=8)
    figure.supylabel("ECDF less its expectation", fontsize=8)
    return figure


def _points(n: int) -> np.ndarray:
    return np.arange(1, n) / n
