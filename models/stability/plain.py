"""The stability model as a paper writes it: plain PyMC with explicit effects, and its dense normal marginal.

A feature of subject i in session j on scanner s after preprocessing p, where values have mean 0 and sd 1:

    X_ijsp = mu + alpha_i + beta_j + gamma_s + delta_p + (alpha gamma)_is + (alpha delta)_ip + epsilon_ijsp
    alpha_i ~ Normal(0, sigma_subject²), beta_j ~ Normal(0, sigma_session²), and so on
    epsilon_ijsp ~ Normal(0, sigma_residual²)

Every facet but the subject may be absent. Sessions are nested in subjects, crossed with them, or visits to one scanner.

    mu ~ Normal(0, 1)
    total_sd ~ LogNormal(0, 0.7)                      total_sd² is the sum of all variances
    icc ~ Beta(1, 1)                                  sigma_subject² = icc total_sd²
    error_shares ~ Dirichlet(2/K, ..., 2/K)           the K other variances are their shares of (1 - icc) total_sd²

or, as an option, every sd ~ HalfNormal(1) by itself.

Where the levels l of one facet, a scanner or a preprocessing, each have a location and a scale of their own, the
effects and the variance of that facet are gone, X is exp(log_scale_l) times the right-hand side above, and

    mu_l ~ Normal(0, 1)                               takes the place of mu
    log_scale ~ ZeroSumNormal(0.5)                    Normal(0, 0.5²) given that they add up to zero
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
ERROR_CONCENTRATION = 2.0
TOTAL_SD_LOG_SD = 0.7
HALF_NORMAL_SD = 1.0
LOG_SCALE_SD = 0.5


def number_combinations(*factors):
    """Number the combinations of levels that occur, from 0; shape (measurement,)."""
    return np.unique(np.stack(factors, axis=1), axis=0, return_inverse=True)[1].ravel()


def lay_out(subject, session=None, scanner=None, preprocessing=None, *, session_design="nested", interactions=()):
    """Level numbers of every component, in the order of the variances; the residual comes after them.

    Parameters
    ----------
    subject, session, scanner, preprocessing : ndarray of int, shape (measurement,)
    session_design : "nested" (in subject), "crossed" (one effect a session for all subjects), or "visit" (in subject
        and scanner)
    interactions : any of "subject:scanner", "subject:preprocessing"
    """
    levels = {"subject": number_combinations(subject)}
    if session is not None:
        nest = {"nested": [subject], "crossed": [], "visit": [subject, scanner]}[session_design]
        levels["session"] = number_combinations(*nest, session)
    if scanner is not None:
        levels["scanner"] = number_combinations(scanner)
    if preprocessing is not None:
        levels["preprocessing"] = number_combinations(preprocessing)
    if "subject:scanner" in interactions:
        levels["subject:scanner"] = number_combinations(subject, scanner)
    if "subject:preprocessing" in interactions:
        levels["subject:preprocessing"] = number_combinations(subject, preprocessing)
    return levels


def build(value, levels, *, variances="shares", scaled=None):
    """The model with explicit effects.

    Parameters
    ----------
    value : ndarray, shape (measurement,), on a scale with mean 0 and sd 1
    levels : what `lay_out` returns
    variances : "shares" or "half_normal"
    scaled : ndarray of int, shape (measurement,), the levels with a location and a scale each; `levels` must not have
        their facet
    """
    names = [*levels, "residual"]
    coords = {"component": names, "error": names[1:], **{name: np.unique(level) for name, level in levels.items()}}
    with pm.Model(coords=coords) as model:
        if scaled is None:
            expected, scale = pm.Normal("mu", 0.0, MU_SD), 1.0
        else:
            expected = pm.Normal("mu", 0.0, MU_SD, shape=int(scaled.max()) + 1)[scaled]
            scale = pt.exp(pm.ZeroSumNormal("log_scale", LOG_SCALE_SD, shape=int(scaled.max()) + 1))[scaled]
        if variances == "shares":
            total_sd = pm.LogNormal("total_sd", 0.0, TOTAL_SD_LOG_SD)
            icc = pm.Beta("icc", 1.0, 1.0)
            # Where the residual is the only error, its share of the error is one.
            error_shares = (
                pm.Dirichlet(
                    "error_shares", np.full(len(names) - 1, ERROR_CONCENTRATION / (len(names) - 1)), dims="error"
                )
                if len(names) > 2
                else [1.0]
            )
            share = pt.concatenate([[icc], (1.0 - icc) * pt.as_tensor(error_shares)])
            variance = pm.Deterministic("variance", total_sd**2 * share, dims="component")
        else:
            sd = pm.HalfNormal("sd", HALF_NORMAL_SD, dims="component")
            variance = pm.Deterministic("variance", sd**2, dims="component")
        for number, (name, level) in enumerate(levels.items()):
            effect = pm.Normal(EFFECTS[name], 0.0, pt.sqrt(variance[number]), dims=name)
            expected = expected + effect[level]
        pm.Normal("value", expected * scale, pt.sqrt(variance[-1]) * scale, observed=value)
    return model


def covariance(levels, variance, *, scaled=None, log_scale=None):
    """Covariance of the measurements with mu and all effects integrated out, shape (measurement, measurement).

    Parameters
    ----------
    scaled : ndarray of int, shape (measurement,), the levels with a location and a scale each
    log_scale : ndarray, shape (level,)
    """
    size = len(levels["subject"])
    together = np.zeros(size) if scaled is None else scaled
    total = MU_SD**2 * (together[:, None] == together[None, :]) + variance[-1] * np.eye(size)
    for level, own in zip(levels.values(), variance, strict=False):
        total += own * (level[:, None] == level[None, :])
    return total if scaled is None else total * np.exp(log_scale[scaled][:, None] + log_scale[scaled][None, :])


def log_marginal(value, levels, variance, *, scaled=None, log_scale=None):
    """Log density of the values given the variances and log scales, by the dense multivariate normal."""
    spread = covariance(levels, variance, scaled=scaled, log_scale=log_scale)
    return stats.multivariate_normal(np.zeros(len(value)), spread).logpdf(value)


def log_prior(total_sd, icc, error_shares):
    """Log prior density of the total sd, the subject's share and the shares of the error."""
    concentration = np.full(len(error_shares), ERROR_CONCENTRATION / len(error_shares))
    return (
        stats.lognorm(TOTAL_SD_LOG_SD).logpdf(total_sd)
        + stats.beta(1.0, 1.0).logpdf(icc)
        + (stats.dirichlet(concentration).logpdf(error_shares) if len(error_shares) > 1 else 0.0)
    )


def log_prior_of_log_scale(log_scale):
    """Log prior density of log scales among those that add up to zero."""
    # One dimension fewer than levels, so one constant fewer than independent normals have.
    return stats.norm(0.0, LOG_SCALE_SD).logpdf(log_scale).sum() + 0.5 * np.log(2.0 * np.pi * LOG_SCALE_SD**2)


def log_prior_of_sds(sd):
    """Log prior density of the sds under the half-normal option."""
    return stats.halfnorm(0.0, HALF_NORMAL_SD).logpdf(sd).sum()


def effects_given_data(value, levels, variance, *, scaled=None):
    """Mean and covariance of (mu, all effects in the order of `levels`) given the values and the variances.

    With `scaled`, `mu` has an entry for each of those levels; values must be divided by their scales.
    """
    means = np.zeros(len(value), dtype=int) if scaled is None else scaled
    columns = [np.eye(means.max() + 1)[means]] + [np.eye(level.max() + 1)[level] for level in levels.values()]
    sizes = [matrix.shape[1] for matrix in columns]
    prior = np.repeat([MU_SD**2, *variance[:-1]], sizes)
    incidence = np.concatenate(columns, axis=1)
    spread = np.linalg.inv(incidence.T @ incidence / variance[-1] + np.diag(1.0 / prior))
    return spread @ incidence.T @ value / variance[-1], spread


def conditions(variance):
    """Intraclass correlations of a design with nested sessions, all facets and both interactions.

    Parameters
    ----------
    variance : mapping of component to variance (numbers or arrays)
    """
    subject, session, scanner = variance["subject"], variance["session"], variance["scanner"]
    preprocessing, residual = variance["preprocessing"], variance["residual"]
    subject_scanner, subject_preprocessing = variance["subject:scanner"], variance["subject:preprocessing"]
    # Another session on the same scanner, processed the same way.
    repeatability_signal = subject + subject_scanner + subject_preprocessing
    repeatability_error = session + residual
    # Another session on another scanner, processed the same way.
    reproducibility_signal = subject + subject_preprocessing
    reproducibility_error = session + scanner + subject_scanner + residual
    # The same image, processed another way.
    robustness_signal = subject + session + subject_scanner
    robustness_error = preprocessing + subject_preprocessing + residual
    # Everything else may differ.
    overall_error = session + scanner + preprocessing + subject_scanner + subject_preprocessing + residual
    return {
        "repeatability": repeatability_signal / (repeatability_signal + repeatability_error),
        "reproducibility": reproducibility_signal / (reproducibility_signal + reproducibility_error),
        "robustness": robustness_signal / (robustness_signal + robustness_error),
        "overall": subject / (subject + overall_error),
    }
