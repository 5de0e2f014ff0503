"""The pooled stability model as a paper writes it: plain PyMC with explicit effects, and its dense normal marginal.

Feature k of subject i in session j on scanner s after preprocessing p, each with mean 0 and sd 1:

    X_kijsp = mu_k + alpha_ki + beta_kij + gamma_ks + delta_kp + (alpha gamma)_kis + (alpha delta)_kip + epsilon_kijsp
    alpha_ki ~ Normal(0, v_k,subject), and so on; epsilon_kijsp ~ Normal(0, v_k,residual)

Every facet but the subject may be absent; sessions are nested in subjects. Features of a family f are alike:

    log(sum of v_kc over c)                                    = theta_k0 ~ Normal(centre_f0, spread_f0²)
    log(v_k,subject / sum of v_kc over c other than subject)   = theta_k1 ~ Normal(centre_f1, spread_f1²)
    log(v_kc / v_k,residual), c neither subject nor residual   = theta_kq ~ Normal(centre_fq, spread_fq²)

    mu_k ~ Normal(0, 1)
    centre_f0 ~ Normal(0, 1), centre_f1 ~ Normal(0, 1.5²), centre_fq ~ Normal(-0.5, 2²) for the others
    spread_f0 = 1, spread_fq ~ LogNormal(log 0.7, 0.6) for the others
"""

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy import stats

EFFECTS = {
    "subject": "alpha",
    "session": "beta",
    "scanner": "gamma",
    "preprocessing": "delta",
    "subject:scanner": "alpha_gamma",
    "subject:preprocessing": "alpha_delta",
}
MU_SD = 1.0
CENTRE_OF_TOTAL = (0.0, 1.0)
CENTRE_OF_SIGNAL = (0.0, 1.5)
CENTRE_OF_ERROR = (-0.5, 2.0)
SPREAD = (np.log(0.7), 0.6)
SPREAD_OF_TOTAL = 1.0


def number_combinations(*factors):
    """Number the combinations of levels that occur, from 0; shape (measurement,)."""
    return np.unique(np.stack(factors, axis=1), axis=0, return_inverse=True)[1].ravel()


def lay_out(subject, session=None, scanner=None, preprocessing=None, *, interactions=()):
    """Level numbers of every component, in the order of the variances; the residual comes after them.

    Parameters
    ----------
    subject, session, scanner, preprocessing : ndarray of int, shape (measurement,)
    interactions : any of "subject:scanner", "subject:preprocessing"
    """
    levels = {"subject": number_combinations(subject)}
    if session is not None:
        levels["session"] = number_combinations(subject, session)
    if scanner is not None:
        levels["scanner"] = number_combinations(scanner)
    if preprocessing is not None:
        levels["preprocessing"] = number_combinations(preprocessing)
    if "subject:scanner" in interactions:
        levels["subject:scanner"] = number_combinations(subject, scanner)
    if "subject:preprocessing" in interactions:
        levels["subject:preprocessing"] = number_combinations(subject, preprocessing)
    return levels


def centre_prior(n_components):
    """Means and sds of the centres of the coordinates."""
    return np.array([CENTRE_OF_TOTAL, CENTRE_OF_SIGNAL] + [CENTRE_OF_ERROR] * (n_components - 2)).T


def build(value, levels, family, *, effects="explicit"):
    """The model.

    Parameters
    ----------
    value : ndarray, shape (measurement, feature), each feature on a scale with mean 0 and sd 1; NaN where it is missing
    levels : what `lay_out` returns
    family : ndarray of int, shape (feature,)
    effects : "explicit", or "integrated" for the dense normal marginal
    """
    n_features, n_components = value.shape[1], len(levels) + 1
    shape = (family.max() + 1, n_components)
    with pm.Model() as model:
        mean, sd = centre_prior(n_components)
        centre = pm.Normal("centre", mean, sd, shape=shape)
        spread = pm.LogNormal("spread", *SPREAD, shape=(shape[0], n_components - 1))
        every_spread = pt.concatenate([pt.full((shape[0], 1), SPREAD_OF_TOTAL), spread], axis=1)
        standard = pm.Normal("standard", 0.0, 1.0, shape=(n_features, n_components))
        theta = centre[family] + every_spread[family] * standard
        total, icc = pt.exp(theta[:, :1]), pm.math.sigmoid(theta[:, 1:2])
        ratio = pt.concatenate([pt.exp(theta[:, 2:]), pt.ones((n_features, 1))], axis=1)
        error = (1.0 - icc) * ratio / ratio.sum(axis=1, keepdims=True)
        variance = pm.Deterministic("variance", total * pt.concatenate([icc, error], axis=1))
        mu = pm.Normal("mu", 0.0, MU_SD, shape=n_features) if effects == "explicit" else None
        expected = {
            name: pm.Normal(EFFECTS[name], 0.0, pt.sqrt(variance[:, [number]]), shape=(n_features, level.max() + 1))
            for number, (name, level) in enumerate(levels.items())
            if effects == "explicit"
        }
        given, pattern = np.unique(~np.isnan(value.T), axis=0, return_inverse=True)
        for number, rows in enumerate(given):  # features that were measured in the same rows
            own = np.flatnonzero(pattern.ravel() == number)
            observed = value[rows][:, own].T
            if effects == "explicit":
                mean = mu[own][:, None] + sum(effect[own][:, levels[name][rows]] for name, effect in expected.items())
                pm.Normal(f"value_{number}", mean, pt.sqrt(variance[own][:, -1:]), observed=observed)
            else:
                kept = [*(level[rows] for level in levels.values()), np.arange(rows.sum())]
                same = np.array([np.equal.outer(level, level) for level in kept], dtype=float)
                spread_of_values = pt.tensordot(variance[own], same, axes=1) + MU_SD**2
                pm.MvNormal(f"value_{number}", np.zeros(observed.shape), spread_of_values, observed=observed)
    return model


def covariance(levels, variance):
    """Covariance of a feature's values with mu and all effects integrated out, shape (measurement, measurement)."""
    size = len(levels["subject"])
    total = MU_SD**2 * np.ones((size, size)) + variance[-1] * np.eye(size)
    for level, own in zip(levels.values(), variance, strict=False):
        total += own * (level[:, None] == level[None, :])
    return total


def log_marginal(value, levels, variance):
    """Log density of each feature's values given its variances (feature, component), by the dense normal."""
    densities = []
    for own, v in zip(value.T, variance, strict=True):
        rows = np.flatnonzero(~np.isnan(own))
        kept = {name: level[rows] for name, level in levels.items()}
        densities.append(stats.multivariate_normal(np.zeros(len(rows)), covariance(kept, v)).logpdf(own[rows]))
    return np.array(densities)


def coordinates(variance):
    """Theta of variances (feature, component)."""
    error = variance[:, 1:].sum(axis=1)
    return np.column_stack(
        [
            np.log(variance.sum(axis=1)),
            np.log(variance[:, 0] / error),
            *(np.log(variance[:, c] / variance[:, -1]) for c in range(1, variance.shape[1] - 1)),
        ]
    )


def log_prior(centre, spread, theta, family):
    """Log prior density of centres (family, coordinate), all spreads but the first, and theta (feature, coordinate)."""
    mean, sd = centre_prior(theta.shape[1])
    every_spread = np.column_stack([np.full(len(spread), SPREAD_OF_TOTAL), spread])
    return (
        stats.norm(mean, sd).logpdf(centre).sum()
        + stats.lognorm(SPREAD[1], scale=np.exp(SPREAD[0])).logpdf(spread).sum()
        + stats.norm(centre[family], every_spread[family]).logpdf(theta).sum()
    )


def conditions(variance):
    """Intraclass correlations of a design with nested sessions and scanners.

    Parameters
    ----------
    variance : mapping of component to variance (numbers or arrays)
    """
    subject, session, scanner = variance["subject"], variance["session"], variance["scanner"]
    subject_scanner, residual = variance["subject:scanner"], variance["residual"]
    # Another session on the same scanner.
    repeatability_signal = subject + subject_scanner
    # Another session on another scanner.
    reproducibility_error = session + scanner + subject_scanner + residual
    return {
        "repeatability": repeatability_signal / (repeatability_signal + session + residual),
        "reproducibility": subject / (subject + reproducibility_error),
        "overall": subject / (subject + reproducibility_error),
    }
