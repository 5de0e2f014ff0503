"""Priors of a multi-region model, each with its reason."""

from dataclasses import dataclass

from bayesrg.prior import Prior

# What a length-scale may be distributed as.
LENGTHS = ("InverseGamma", "LogNormal", "Gamma")


@dataclass(frozen=True)
class MultiRegionPriors:
    """Priors on the model's scale, where features have mean 0 and sd 1, and genes as well but for two-valued ones."""

    mu: Prior = Prior(
        "Normal",
        {"mu": 0.0, "sigma": 1.0},
        "values are centred: the population's mean lies within two sds of the sample's",
    )
    slope_sd: Prior = Prior(
        "HalfNormal",
        {"sigma": 0.5},
        "B_0 ~ Normal(0, slope_sd^2) over all links: a slope of 1 would let one gene explain all of a feature's "
        "variance, so slopes are of some tenths; learned, so that many links that are nil pull the others towards nil",
    )
    contextual: Prior = Prior(
        "Normal",
        {"mu": 0.0, "sigma": 0.5},
        "the slope between tumours may differ from that within them by as much as a slope is large",
    )
    gamma: Prior = Prior(
        "Normal",
        {"mu": 0.0, "sigma": 1.0},
        "a step of a covariate (an sd, or from one value of two to the other) moves a feature by two sds at most",
    )
    batch_sd: Prior = Prior(
        "HalfNormal",
        {"sigma": 0.5},
        "batches differ by less than the regions of a cohort do",
    )
    total_sd: Prior = Prior(
        "LogNormal",
        {"mu": -0.3, "sigma": 0.5},
        "features have sd 1, of which genes explain a part: 95 % of the prior lies between 0.28 and 2.0",
    )
    share: Prior = Prior(
        "Dirichlet",
        {"total": 6.0},
        "a total of 6, divided equally among the components (two for each of tumour, space and residual, where these "
        "are all): none of them is all or nothing before the data",
    )
    a_sd: Prior = Prior(
        "LogNormal",
        {"mu": -0.7, "sigma": 0.7},
        "shared by the features: a part of their sd of 1; 95 % of the prior lies between 0.13 and 2.0",
    )
    a_share: Prior = Prior(
        "Dirichlet",
        {"total": 4.0},
        "a total of 4, divided equally among the components of a (two for each of tumour and space, where these are "
        "all)",
    )
    residual_sd: Prior = Prior(
        "LogNormal",
        {"mu": -0.5, "sigma": 0.5},
        "a part of the features' sd of 1; unlike a half-normal it keeps away from zero, where the sampler fails",
    )
    residual_correlation: float = 2.0
    heterogeneity_sd: Prior = Prior(
        "LogNormal",
        {"mu": -1.9, "sigma": 0.8},
        "root mean square over all links of the sd of B_tr: 95 % of the prior lies between 0.03, which nobody would "
        "notice, and 0.72; the sd of a single link may be nil all the same. A prior with mass at zero makes a funnel",
    )
    within_share: Prior = Prior(
        "Beta",
        {"alpha": 2.0, "beta": 2.0},
        "of the variance of B_tr neither all nor nothing lies within tumours",
    )
    mixing: Prior = Prior(
        "Beta",
        {"alpha": 1.0, "beta": 1.0},
        "of a graph's process any share may be structured by the graph",
    )
    length_scale: Prior | None = None

    def __post_init__(self) -> None:
        """Refuse priors that cannot be integrated out, and distributions that a share cannot have."""
        for name in ("mu", "contextual", "gamma"):
            own = getattr(self, name)
            if own.distribution != "Normal" or own.arguments["mu"] != 0:
                raise TypeError(f"{name} needs a Normal prior with mean 0, which is integrated out exactly; got {own}")
        for name, kind in (
            ("share", "Dirichlet"),
            ("a_share", "Dirichlet"),
            ("within_share", "Beta"),
            ("mixing", "Beta"),
        ):
            if getattr(self, name).distribution != kind:
                raise TypeError(f"{name} is made of shares and takes a {kind} prior; got {getattr(self, name)}")
        if not self.residual_correlation > 0:
            raise TypeError(
                f"residual_correlation is the shape of an LKJ prior, so positive; got {self.residual_correlation}"
            )
        if self.length_scale is not None and self.length_scale.distribution not in LENGTHS:
            raise TypeError(
                f"length_scale takes an InverseGamma, LogNormal or Gamma prior in mm; got {self.length_scale}"
            )
