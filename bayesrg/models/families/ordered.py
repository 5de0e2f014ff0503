"""Ordered outcomes: cumulative models with a logit link (proportional odds) and a probit link (ranks).

    P(c <= j) = F(alpha_j - eta), j = 1..J-1,    alpha_j = F^-1(probability_1 + ... + probability_j)

so that `probability` is that of each category at the mean predictors, with a Dirichlet prior (James, Harrell and
Shepherd 2021, arXiv:2102.00330, study such priors where every distinct value of a continuous outcome is a category).

A Dirichlet with a category for every patient is hard on a sampler: each log probability has one long tail. It is
sampled as probability = g / sum(g) with g = -log Phi(-score): `score` has nearly independent standard normal posteriors
where each category was seen once, and the sum is given the Gamma distribution that makes it so. The sum is redundant.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import xarray as xr
from scipy.special import expit, log_expit, log_ndtr, logit, ndtr, ndtri

from bayesrg.models.families.family import NESTED, Arrays, require_zero_mean, tensor_functions
from bayesrg.prior import Prior

Link = Literal["logit", "probit"]

# Stands for an infinite cutpoint in PyTensor, where the gradient of an infinite one would be NaN.
FAR: Mapping[Link, float] = {"logit": 1000.0, "probit": 200.0}
DISTRIBUTION: Mapping[Link, Callable[..., np.ndarray]] = {"logit": expit, "probit": ndtr}
QUANTILE: Mapping[Link, Callable[..., np.ndarray]] = {"logit": logit, "probit": ndtri}

PROBABILITY = Prior(
    "Dirichlet",
    {"total": 3.0},
    "worth three patients spread evenly over the categories, however many there are: it hardly pulls on cutpoints",
)


@dataclass(frozen=True)
class Cumulative:
    """What `Ordinal` and `Rank` share: all but the link and the priors."""

    probability: Prior = PROBABILITY
    beta: Prior = Prior("Normal", {"mu": 0.0, "sigma": 2.5}, "")
    gamma: Prior = Prior("Normal", {"mu": 0.0, "sigma": 2.5}, "")
    group_sd: Prior = Prior("HalfNormal", {"sigma": 1.0}, "")
    link: ClassVar[Link]
    nominal: ClassVar[bool] = False
    ordered: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a prior on probabilities that is not a Dirichlet, and one on slopes that is not around zero."""
        if self.probability.distribution != "Dirichlet":
            raise TypeError(f"probability needs a Dirichlet prior, because it adds up to one; got {self.probability}")
        require_zero_mean("beta", self.beta, NESTED)

    def own_dims(self, data: xr.Dataset) -> dict[str, tuple[str, ...]]:
        """Probabilities of the categories, and the cutpoints that they are."""
        return {"probability": ("category",), "alpha": ("cutpoint",)}

    def add_priors(self, data: xr.Dataset) -> dict[str, Any]:
        """Cutpoints, in PyMC."""
        import pymc as pm

        pt = tensor_functions()
        categories, total = data.sizes["category"], self.probability.arguments["total"]
        score = pm.CustomDist(
            "category_score",
            np.full(categories, total / categories),
            float(data.sizes["patient"]),
            logp=_log_density_of_score,
            random=_draw_score,
            signature="(j),()->(j)",
            dims="category",
        )
        part = _part(score)
        probability: Any = pm.Deterministic("probability", part / part.sum(), dims="category")
        low, high = pt.cumsum(probability)[:-1], pt.cumsum(probability[::-1])[::-1][1:]
        if self.link == "logit":
            alpha = pt.log(low) - pt.log(high)
        else:  # each from its smaller tail, where the quantile is exact
            left, right = (pt.erfcinv(2.0 * pt.minimum(tail, 0.5)) for tail in (low, high))
            alpha = np.sqrt(2.0) * pt.switch(low < 0.5, -left, right)
        return {"alpha": pm.Deterministic("alpha", alpha, dims="cutpoint")}

    def log_density(self, value: Any, eta: Any, own: Mapping[str, Any]) -> Any:
        """Log probability of each row's category, in PyTensor."""
        from pymc.distributions.dist_math import log_diff_normal_cdf

        pt = tensor_functions()
        code, far = value.astype(int), FAR[self.link]
        if "stretch" in own:
            first = own["alpha"][0] - eta
            gaps = (own["alpha"][1:] - own["alpha"][:-1]) * pt.exp(-own["stretch"])
            cutpoints = pt.concatenate([first[:, None], first[:, None] + pt.cumsum(gaps, axis=1)], axis=1)
            ends = pt.ones_like(first)[:, None] * far
            padded, rows = pt.concatenate([-ends, cutpoints, ends], axis=1), pt.arange(value.shape[0])
            lower, upper = padded[rows, code], padded[rows, code + 1]
        else:
            padded = pt.concatenate([[-far], own["alpha"], [far]])
            lower, upper = padded[code] - eta, padded[code + 1] - eta
        if self.link == "probit":
            return log_diff_normal_cdf(0.0, 1.0, upper, lower)
        return -pt.softplus(-upper) - pt.softplus(lower) + pt.log(-pt.expm1(lower - upper))

    def draw_prior(self, data: xr.Dataset, rng: np.random.Generator, draws: int) -> dict[str, np.ndarray]:
        """Probabilities and cutpoints from the prior."""
        probability = self.probability.draw(rng, (draws, data.sizes["category"]))
        return {"probability": probability, "alpha": self.cutpoints(probability)}

    def log_prior(self, own: Arrays) -> dict[str, np.ndarray]:
        """Log prior density of the probabilities."""
        return {"probability": self.probability.log_density(own["probability"])}

    def cutpoints(self, probability: np.ndarray) -> np.ndarray:
        """Cutpoints (..., cutpoint) of category probabilities (..., category), each from its smaller tail."""
        low = np.cumsum(probability, axis=-1)[..., :-1]
        high = np.cumsum(probability[..., ::-1], axis=-1)[..., ::-1][..., 1:]
        quantile = QUANTILE[self.link]
        return np.where(low < 0.5, quantile(np.minimum(low, 0.5)), -quantile(np.minimum(high, 0.5)))

    def thresholds(self, eta: np.ndarray, own: Arrays) -> np.ndarray:
        """Cutpoints less the linear predictor, and infinite ones at both ends, shape (..., patient, category + 1)."""
        alpha = own["alpha"][..., None, :]
        if "stretch" in own:
            gaps = np.diff(alpha, axis=-1) * np.exp(-own["stretch"])
            alpha = np.concatenate([np.broadcast_to(alpha[..., :1], (*gaps.shape[:-1], 1)), gaps], axis=-1)
            alpha = np.cumsum(alpha, axis=-1)
        inner = alpha - eta[..., None]
        ends = np.full((*inner.shape[:-1], 1), np.inf)
        return np.concatenate([-ends, inner, ends], axis=-1)

    def draw(self, eta: np.ndarray, own: Arrays, rng: np.random.Generator) -> np.ndarray:
        """Numbers of categories: how many cutpoints a latent value lies above."""
        chance = rng.random(np.shape(eta))[..., None]
        thresholds = self.thresholds(eta, own)[..., 1:-1]
        return (DISTRIBUTION[self.link](thresholds) < chance).sum(axis=-1).astype(float)

    def log_likelihood(self, value: np.ndarray, eta: np.ndarray, own: Arrays) -> np.ndarray:
        """Log probability of each row's category."""
        return log_interval(self.link, *self._around(value, eta, own))

    def cumulative(self, value: np.ndarray, eta: np.ndarray, own: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Probability of a lower category, and of at most this one."""
        lower, upper = self._around(value, eta, own)
        return DISTRIBUTION[self.link](lower), DISTRIBUTION[self.link](upper)

    def expected(self, eta: np.ndarray, own: Arrays) -> np.ndarray:
        """Probability of each category, shape (..., patient, category)."""
        return np.diff(DISTRIBUTION[self.link](self.thresholds(eta, own)), axis=-1)

    def _around(self, value: np.ndarray, eta: np.ndarray, own: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Thresholds below and above each row's category, each (..., patient)."""
        code = value.astype(int)
        if "stretch" in own:
            thresholds = self.thresholds(eta, own)
            rows = np.broadcast_shapes(code.shape, thresholds.shape[:-1])
            thresholds = np.broadcast_to(thresholds, (*rows, thresholds.shape[-1]))
            code = np.broadcast_to(code, rows)[..., None]
            lower, upper = (np.take_along_axis(thresholds, code + step, axis=-1)[..., 0] for step in (0, 1))
            return lower, upper
        alpha = own["alpha"]
        ends = np.full((*alpha.shape[:-1], 1), np.inf)
        padded = np.concatenate([-ends, alpha, ends], axis=-1)
        leading = np.broadcast_shapes(padded.shape[:-1], code.shape[:-1])
        padded, code = (np.broadcast_to(array, (*leading, array.shape[-1])) for array in (padded, code))
        lower, upper = (np.take_along_axis(padded, code + step, axis=-1) - eta for step in (0, 1))
        return lower, upper


@dataclass(frozen=True)
class Ordinal(Cumulative):
    """Ordered categories, such as grades: logit P(c <= j) = alpha_j - eta (proportional odds).

    With ``proportional=False`` each cutpoint has a slope of its own. Cutpoints that moved apart linearly would cross,
    so their gaps are stretched instead: theta_1 = alpha_1 - eta, theta_j = theta_{j-1} + (alpha_j - alpha_{j-1})
    exp(-sum_t delta_tj x_t), and P(c <= j) = expit(theta_j). At the mean predictors the slope of the j-th cutpoint is
    beta_t + sum_{k<=j} (alpha_k - alpha_{k-1}) delta_tk. Gaps that are exponential in predictors are those of Pudney
    and Shields 2000.
    """

    beta: Prior = Prior(
        "Normal",
        {"mu": 0.0, "sigma": 2.5},
        "an sd of the predictor multiplies the odds of a higher category by less than 134 (95 %)",
    )
    gamma: Prior = Prior("Normal", {"mu": 0.0, "sigma": 2.5}, "covariates are scaled as the predictor is")
    group_sd: Prior = Prior("HalfNormal", {"sigma": 1.0}, "odds in most groups differ by less than a factor of 50")
    delta: Prior = Prior(
        "Normal",
        {"mu": 0.0, "sigma": 0.5},
        "an sd of the predictor stretches a category's width by at most a factor of 2.7; zero is proportional odds",
    )
    proportional: bool = True
    name: ClassVar[str] = "ordinal"
    link: ClassVar[Link] = "logit"
    rope: ClassVar[float] = 0.18
    ratio: ClassVar[str] = "odds_ratio"

    def __post_init__(self) -> None:
        """Refuse priors that the family cannot have, and an option that is not true or false."""
        super().__post_init__()
        require_zero_mean("delta", self.delta, "proportional odds are its centre")
        if not isinstance(self.proportional, bool):
            raise TypeError(f"proportional is True or False; got {self.proportional!r}")

    def own_dims(self, data: xr.Dataset) -> dict[str, tuple[str, ...]]:
        """Probabilities, cutpoints, and how the gaps between these are stretched."""
        return super().own_dims(data) | ({} if self.proportional else {"delta": ("term", "gap")})

    def add_priors(self, data: xr.Dataset) -> dict[str, Any]:
        """Cutpoints and, if each has a slope of its own, how their gaps are stretched, in PyMC."""
        own = super().add_priors(data)
        return own if self.proportional else own | {"delta": self.delta.in_pymc("delta", dims=("term", "gap"))}

    def draw_prior(self, data: xr.Dataset, rng: np.random.Generator, draws: int) -> dict[str, np.ndarray]:
        """Probabilities, cutpoints and stretches from the prior."""
        own = super().draw_prior(data, rng, draws)
        shape = (draws, data.sizes["term"], data.sizes["gap"])
        return own if self.proportional else own | {"delta": self.delta.draw(rng, shape)}

    def log_prior(self, own: Arrays) -> dict[str, np.ndarray]:
        """Log prior densities of probabilities and stretches."""
        found = super().log_prior(own)
        return (
            found if self.proportional else found | {"delta": self.delta.log_density(own["delta"]).sum(axis=(-2, -1))}
        )


@dataclass(frozen=True)
class Rank(Cumulative):
    """A continuous or ordered outcome by its ranks alone: cumulative probit with a cutpoint per distinct value.

    The Bayesian counterpart of Wilcoxon's rank-sum test, as the proportional odds model is its classical one: it does
    not change under any increasing transformation of the outcome.
    """

    beta: Prior = Prior(
        "Normal",
        {"mu": 0.0, "sigma": 1.5},
        "on the probit scale about what 2.5 is on the logit scale; P(X1 > X0) between 0.02 and 0.98 (95 %)",
    )
    gamma: Prior = Prior("Normal", {"mu": 0.0, "sigma": 1.5}, "covariates are scaled as the predictor is")
    group_sd: Prior = Prior("HalfNormal", {"sigma": 0.5}, "groups seldom differ by more than patients within them do")
    name: ClassVar[str] = "rank"
    link: ClassVar[Link] = "probit"
    rope: ClassVar[float] = 0.1
    ratio: ClassVar[str] = ""


def log_interval(link: Link, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Log of F(upper) - F(lower), exact in both tails; minus infinity where rounding leaves nothing between them."""
    empty = lower >= upper
    with np.errstate(divide="ignore", invalid="ignore"):
        if link == "logit":
            inside = log_expit(upper) + log_expit(-lower) + np.log(-np.expm1(lower - upper))
        else:
            right = lower > 0.0
            low, high = np.where(right, -upper, lower), np.where(right, -lower, upper)
            inside = log_ndtr(high) + np.log1p(-np.exp(log_ndtr(low) - log_ndtr(high)))
    return np.where(empty, -np.inf, inside)


def _part(score: Any) -> Any:
    """A category's part: -log Phi(-score), exponentially distributed where the score is standard normal."""
    from pymc.distributions.dist_math import normal_lcdf

    log_tail: Any = normal_lcdf(0.0, 1.0, -score)
    return -log_tail


def _log_density_of_score(score: Any, concentration: Any, rows: Any) -> Any:
    """Of parts ~ Dirichlet(concentration) x Gamma(rows + total concentration), up to a constant."""
    import pymc as pm

    pt = tensor_functions()
    part = _part(score)
    whole = part.sum()
    # Standard normal scores make a Dirichlet(1, ..., 1) x Gamma(categories, 1); the rest turns it into ours.
    more = rows + concentration.sum() - score.shape[0]
    standard: Any = pm.logp(pm.Normal.dist(), score)
    return standard.sum() + ((concentration - 1.0) * pt.log(part / whole)).sum() + more * pt.log(whole)


def _draw_score(concentration: np.ndarray, rows: float, rng: np.random.Generator, size: Any) -> np.ndarray:
    part = rng.dirichlet(concentration) * rng.gamma(rows + concentration.sum())
    return np.where(part < np.log(2.0), ndtri(-np.expm1(-part)), -ndtri(np.exp(-part)))
