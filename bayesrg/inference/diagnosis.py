"""`diagnose`: did the sampler do its work? One verdict, the same wherever a fit is shown.

Thresholds: rank-normalised split R-hat below 1.01 and effective sample sizes (bulk and tail) of at least 400
(Vehtari et al. 2021, doi:10.1214/20-BA1221); no divergences, E-BFMI above 0.3 (Betancourt 2016, arXiv:1604.00695).
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

R_HAT = 1.01
ESS = 400
PARETO_K = 0.7  # above it, nobody knows the error of an importance-sampling estimate (Vehtari et al. 2024)
IMPORTANCE, NUTS = "importance sampling", "NUTS"  # how a feature was sampled
E_BFMI = 0.3


@dataclass(frozen=True)
class Check:
    """One diagnostic: its worst value, where that is, what is required, and whether it passed."""

    name: str
    value: float
    where: str
    required: str
    passed: bool


@dataclass(frozen=True)
class Diagnosis:
    """The verdict on a fit, with the checks it rests on.

    Attributes
    ----------
    checks : of the whole fit; of many features each tells the worst one
    failed : features that failed any check, of a fit that sampled them one by one
    members : how many features that fit has; 1 for any other
    """

    checks: tuple[Check, ...]
    failed: tuple[str, ...] = ()
    members: int = 1

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def verdict(self) -> str:
        """One sentence: converged, or which checks failed."""
        if self.passed:
            return "converged"
        failed = "; ".join(
            f"{c.name} {c.value:.4g} at {c.where} (required {c.required})" for c in self.checks if not c.passed
        )
        if self.failed and len(self.failed) < self.members:
            return f"NOT CONVERGED for {len(self.failed)} of {self.members} features, the others can be used: {failed}"
        return f"NOT CONVERGED: {failed}"

    def verdict_of(self, member: str) -> str:
        """The verdict on one feature of a fit that sampled its features one by one."""
        if not self.failed:
            return self.verdict
        return "NOT CONVERGED: see the fit's diagnosis" if member in self.failed else "converged"

    def __str__(self) -> str:
        lines = [
            f"{'pass' if c.passed else 'FAIL'}  {c.name:<21} {c.value:>10.4g}  {c.where:<28} required {c.required}"
            for c in self.checks
        ]
        return "\n".join([self.verdict, *lines])


def diagnose(tree: xr.DataTree) -> Diagnosis:
    """Check a fit's convergence on every parameter, effect and estimand.

    Quantities that are constant over all draws (a probability of exactly one) have no R-hat and are left out.
    """
    import arviz as az

    if "method" in tree["sample_stats"]:
        return _diagnose_batch(tree)
    drawn = xr.merge(
        [_continuous(tree[group].to_dataset()) for group in ("posterior", "estimands")], compat="override", join="outer"
    )
    statistics = tree["sample_stats"].to_dataset()
    with np.errstate(invalid="ignore", divide="ignore"):  # of constants
        r_hat, place_hat = _worst(az.rhat(drawn), largest=True)
        bulk, place_bulk = _worst(az.ess(drawn, method="bulk"), largest=False)
        tail, place_tail = _worst(az.ess(drawn, method="tail"), largest=False)
    divergences = int(statistics["diverging"].sum())
    infinite = {str(name): int((~np.isfinite(own.values)).sum()) for name, own in drawn.data_vars.items()}
    most = max(infinite, key=lambda name: infinite[name])
    energy = float(np.min(az.bfmi(statistics)["energy"].values))
    deepest = int(statistics["maxdepth_reached"].sum())
    return Diagnosis(
        (
            Check("infinite or NaN draws", sum(infinite.values()), most, "0", not any(infinite.values())),
            Check("R-hat", r_hat, place_hat, f"< {R_HAT}", bool(r_hat < R_HAT)),
            Check("bulk ESS", bulk, place_bulk, f">= {ESS}", bool(bulk >= ESS)),
            Check("tail ESS", tail, place_tail, f">= {ESS}", bool(tail >= ESS)),
            Check("divergences", divergences, "all chains", "0", divergences == 0),
            Check("E-BFMI", energy, "worst chain", f"> {E_BFMI}", bool(energy > E_BFMI)),
            Check("tree depth", deepest, "draws at the limit", "0", deepest == 0),
        )
    )


def _diagnose_batch(tree: xr.DataTree) -> Diagnosis:
    """The checks of many features, each by the method that sampled it: the worst one, and how many fail."""
    statistics = tree["sample_stats"].to_dataset()
    names = statistics["feature"].values
    important = (statistics["method"] == IMPORTANCE).values
    checks, failing = [], np.zeros(names.size, dtype=bool)
    for name, variable, kind, limit, above in (
        ("Pareto k", "pareto_k", important, PARETO_K, False),
        ("importance ESS", "importance_ess", important, ESS, True),
        ("R-hat", "r_hat", ~important, R_HAT, False),
        ("bulk and tail ESS", "nuts_ess", ~important, ESS, True),
        ("divergences", "divergences", ~important, 0, False),
    ):
        values = statistics[variable].values[kind].astype(float)
        own = np.where(np.isnan(values), 0.0 if above else np.inf, values)
        if not own.size:
            continue
        place = int(np.argmin(own) if above else np.argmax(own))
        wrong = own < limit if above else own > limit
        failing[np.flatnonzero(kind)[wrong]] = True
        bad = int(wrong.sum())
        where = f"{names[kind][place]}" + (f" and {bad - 1} other features" if bad > 1 else "")
        checks.append(Check(name, float(own[place]), where, f"{'>=' if above else '<='} {limit}", bad == 0))
    variance = tree["posterior"].to_dataset()["variance"].transpose("feature", ...).sel(feature=names)
    broken = (~np.isfinite(variance.values)).reshape(names.size, -1).sum(axis=1)
    failing |= broken > 0
    infinite = int(broken.sum())
    worst = Check("infinite or NaN draws", infinite, "variance", "0", infinite == 0)
    return Diagnosis((worst, *checks), tuple(map(str, names[failing])), names.size)


def _continuous(dataset: xr.Dataset) -> xr.Dataset:
    return dataset[[name for name, variable in dataset.data_vars.items() if variable.dtype.kind == "f"]]


def _worst(values: xr.Dataset, *, largest: bool) -> tuple[float, str]:
    worst, place = (-np.inf if largest else np.inf), "nowhere"
    for name, variable in values.data_vars.items():
        flat = variable.values.ravel()
        if not np.isfinite(flat).any():
            continue
        number = int(np.nanargmax(flat) if largest else np.nanargmin(flat))
        if (flat[number] > worst) == largest and flat[number] != worst:
            worst = float(flat[number])
            spot = np.unravel_index(number, variable.shape)
            labels = [
                str(variable[dim].values[k]) if dim in variable.coords else str(k)
                for dim, k in zip(variable.dims, spot, strict=True)
            ]
            place = f"{name}[{', '.join(labels)}]" if labels else str(name)
    # Nothing could be computed, as with one chain or a handful of draws: NaN passes no check.
    return (worst, place) if np.isfinite(worst) else (float("nan"), "no quantity: too few draws or chains")
