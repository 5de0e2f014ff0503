"""The association model as a paper writes it: plain PyMC with centred group effects, and its densities by SciPy.

The outcome of patient i, with predictors x_i and covariates z_i, both of mean 0, and levels of groupings such as site:

    eta_i = sum_t beta_t x_it + sum_c gamma_c z_ic + sum_g group_effect[level of i in g]
    group_effect_l ~ Normal(0, group_sd²), group_sd that of the grouping of l

    gaussian            value_i ~ Normal(alpha + eta_i, sigma²)
    student_t           value_i ~ StudentT(nu, alpha + eta_i, sigma)
    bernoulli           value_i ~ Bernoulli(expit(alpha + eta_i))
    ordinal             P(value_i <= j) = expit(alpha_j - eta_i), j = 1 ... J - 1
    rank                P(value_i <= j) = Phi(alpha_j - eta_i), each distinct value a category
    categorical         value_i ~ softmax(alpha_k + eta_ik); alpha, beta_t, gamma_c, group_effect_l add up to 0 over k
    negative_binomial   value_i ~ NegBin(mu_i, variance mu_i + rate_cv² mu_i²), mu_i = exp(offset_i + alpha + eta_i)

Where slopes of ordinal differ by cutpoint, P(value_i <= j) = expit(theta_ij), in which cutpoints never cross:

    theta_i1 = alpha_1 - eta_i
    theta_ij = theta_i,j-1 + (alpha_j - alpha_j-1) exp(-sum_t delta_tj x_it)

    alpha, beta_t, gamma_c ~ Normal, group_sd ~ HalfNormal, with the sds in `PRIOR_SD`; of categorical these are of the
                        log odds between two categories: alpha ~ ZeroSumNormal(sd / sqrt(2)), and so on
    probability ~ Dirichlet(3/J, ..., 3/J)            of the J categories of ordinal and rank where eta is 0;
                                                      alpha_j is logit or Phi^-1 of its cumulative sum
    sigma ~ HalfNormal(1), nu ~ Gamma(2, 0.1), rate_cv ~ HalfNormal(1), delta_tj ~ Normal(0, 0.5²)

The log likelihood of a row is multiplied by its weight.
"""

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.model.transform.conditioning import remove_value_transforms
from scipy import linalg, special, stats

# NumPy's numbers, since PyTensor takes 2.5 for one of single precision, and then the logarithm has eight digits only.
LINEAR = {"alpha": np.float64(1.0), "beta": np.float64(1.0), "gamma": np.float64(1.0), "group_sd": np.float64(0.5)}
LOGISTIC = {"alpha": np.float64(5.0), "beta": np.float64(2.5), "gamma": np.float64(2.5), "group_sd": np.float64(1.0)}
PROBIT = {"beta": np.float64(1.5), "gamma": np.float64(1.5), "group_sd": np.float64(0.5)}
# Sds of the normal priors; of the half-normal one for group_sd.
PRIOR_SD = {
    "gaussian": LINEAR,
    "student_t": LINEAR,
    "bernoulli": LOGISTIC,
    "ordinal": {name: sd for name, sd in LOGISTIC.items() if name != "alpha"},
    "rank": PROBIT,
    "categorical": LOGISTIC,
    "negative_binomial": LINEAR,
}
CUMULATIVE = {"ordinal": stats.logistic, "rank": stats.norm}
SIGMA_SD = np.float64(1.0)
NU_SHAPE, NU_RATE = np.float64(2.0), np.float64(0.1)
RATE_CV_SD = np.float64(1.0)
DELTA_SD = np.float64(0.5)
CONCENTRATION = 3.0


# The model in PyMC


def build(
    family,
    value,
    predictor,
    covariate,
    *,
    groups=None,
    weight=None,
    offset=None,
    n_categories=None,
    proportional=True,
):
    """The model of one outcome.

    Parameters
    ----------
    family : one of `PRIOR_SD`
    value : ndarray, shape (patient,), z-scores, 0 and 1, categories numbered from 0, or counts
    predictor, covariate : ndarray, shape (patient, term) and (patient, covariate), of mean 0; maybe of size 0
    groups : ndarray of int, shape (patient, grouping), levels numbered on from one grouping to the next; all occur
    weight, offset : ndarray, shape (patient,); 1 and 0 unless given
    n_categories : of ordinal, rank and categorical; as many as occur unless given
    proportional : whether a predictor of ordinal has the same slope at every cutpoint
    """
    weight = np.ones(len(value)) if weight is None else weight
    offset = np.zeros(len(value)) if offset is None else offset
    n = n_categories or (int(value.max()) + 1 if family in {"categorical", *CUMULATIVE} else None)
    with pm.Model(coords=number(predictor, covariate, groups, n)) as model:
        eta = linear_predictor(family, predictor, covariate, groups)
        if family == "gaussian":
            distribution = pm.Normal.dist(intercept(family) + eta, pm.HalfNormal("sigma", SIGMA_SD))
        elif family == "student_t":
            nu = pm.Gamma("nu", NU_SHAPE, NU_RATE)
            distribution = pm.StudentT.dist(nu, mu=intercept(family) + eta, sigma=pm.HalfNormal("sigma", SIGMA_SD))
        elif family == "bernoulli":
            distribution = pm.Bernoulli.dist(logit_p=intercept(family) + eta)
        elif family == "negative_binomial":
            rate_cv = pm.HalfNormal("rate_cv", RATE_CV_SD)
            distribution = pm.NegativeBinomial.dist(mu=pt.exp(offset + intercept(family) + eta), alpha=rate_cv**-2)
        elif family == "categorical":
            alpha = pm.ZeroSumNormal("alpha", PRIOR_SD[family]["alpha"] / np.sqrt(2.0), dims="category")
            distribution = pm.Categorical.dist(logit_p=alpha + eta)
        else:
            alpha = cutpoints(family, n)
            if proportional:
                theta = alpha - eta[:, None]
            else:
                delta = pm.Normal("delta", 0.0, DELTA_SD, dims=("term", "gap"))
                gaps = pt.diff(alpha) * pt.exp(-predictor @ delta)
                theta = pt.concatenate([(alpha[0] - eta)[:, None], gaps], axis=1).cumsum(axis=1)
            below = pt.sigmoid(theta) if family == "ordinal" else 0.5 * pt.erfc(-theta / np.sqrt(2.0))
            zero, one = np.zeros((len(value), 1)), np.ones((len(value), 1))
            distribution = pm.Categorical.dist(p=pt.diff(pt.concatenate([zero, below, one], axis=1), axis=1))
        codes = family in {"bernoulli", "negative_binomial", "categorical", *CUMULATIVE}
        pm.Potential("value", weight * pm.logp(distribution, value.astype(int) if codes else value))
    return model


def number(predictor, covariate, groups, n_categories):
    """Coordinates of the model: all dims are numbered from 0."""
    sizes = {"term": predictor.shape[1], "covariate": covariate.shape[1]}
    if groups is not None:
        sizes |= {"grouping": groups.shape[1], "level": int(groups.max()) + 1}
    if n_categories:
        sizes |= {"category": n_categories, "cutpoint": n_categories - 1, "gap": n_categories - 2}
    return {dim: np.arange(size) for dim, size in sizes.items()}


def grouping_of(groups):
    """The grouping of every level, shape (level,)."""
    return np.searchsorted(groups.max(axis=0), np.arange(groups.max() + 1))


def linear_predictor(family, predictor, covariate, groups):
    """Linear predictor, with the priors of all that is in it, shape (patient,) or (patient, category)."""
    eta = predictor @ effects(family, "beta", PRIOR_SD[family]["beta"], "term")
    if covariate.shape[1]:
        eta = eta + covariate @ effects(family, "gamma", PRIOR_SD[family]["gamma"], "covariate")
    if groups is not None:
        group_sd = pm.HalfNormal("group_sd", PRIOR_SD[family]["group_sd"], dims="grouping")
        group_effect = effects(family, "group_effect", group_sd[grouping_of(groups)], "level")
        eta = eta + group_effect[groups].sum(axis=1)
    return eta


def effects(family, name, sd, dim):
    """Normal effects along a dim; of categorical a vector over the categories each, which adds up to zero."""
    if family != "categorical":
        return pm.Normal(name, 0.0, sd, dims=dim)
    sigma = pt.as_tensor(sd) / np.sqrt(2.0)
    return pm.ZeroSumNormal(name, sigma[:, None] if sigma.ndim else sigma, dims=(dim, "category"))


def intercept(family):
    """Outcome, on the scale of the model, where eta is 0."""
    return pm.Normal("alpha", 0.0, PRIOR_SD[family]["alpha"])


def cutpoints(family, n_categories):
    """Where the latent scale is cut, shape (cutpoint,), by the probabilities of the categories where eta is 0."""
    probability = pm.Dirichlet("probability", np.full(n_categories, CONCENTRATION / n_categories), dims="category")
    below = pt.cumsum(probability)[:-1]
    alpha = pm.math.logit(below) if family == "ordinal" else -np.sqrt(2.0) * pt.erfcinv(2.0 * below)
    return pm.Deterministic("alpha", alpha, dims="cutpoint")


def compile_log_density(model, **options):
    """Log density of parameters and data as a function of a mapping of names to values, as they stand in the model.

    Values are of the parameters themselves, not of their logarithms or other transforms, and there is no Jacobian. Of
    ordinal and rank it takes `probability`, and no `alpha`, which follows from it.

    Parameters
    ----------
    options : of `pymc.Model.compile_fn`, such as ``mode="FAST_COMPILE"``
    """
    untransformed = remove_value_transforms(model)
    log_density = untransformed.compile_logp(jacobian=False, **options)
    names = [variable.name for variable in untransformed.value_vars]
    return lambda parameters: float(log_density({name: np.asarray(parameters[name], float) for name in names}))


# The same densities by SciPy


def add_up(predictor, covariate, parameters, groups=None):
    """Linear predictor of given parameters, shape (patient,) or (patient, category)."""
    eta = predictor @ parameters["beta"]
    if covariate.shape[1]:
        eta = eta + covariate @ parameters["gamma"]
    return eta if groups is None else eta + np.asarray(parameters["group_effect"])[groups].sum(axis=1)


def cut(family, parameters):
    """Cutpoints of given parameters, shape (cutpoint,)."""
    if "probability" in parameters:
        return CUMULATIVE[family].ppf(np.cumsum(parameters["probability"])[:-1])
    return np.asarray(parameters["alpha"])


def category_probabilities(family, predictor, covariate, parameters, *, groups=None):
    """Probability of every category in every patient, shape (patient, category)."""
    eta = add_up(predictor, covariate, parameters, groups)
    if family == "categorical":
        return special.softmax(parameters["alpha"] + eta, axis=1)
    alpha = cut(family, parameters)
    theta = alpha - eta[:, None]
    if "delta" in parameters:
        for gap in range(len(alpha) - 1):
            wide = (alpha[gap + 1] - alpha[gap]) * np.exp(-predictor @ np.asarray(parameters["delta"])[:, gap])
            theta[:, gap + 1] = theta[:, gap] + wide
    below = CUMULATIVE[family].cdf(theta)
    return np.diff(below, axis=1, prepend=0.0, append=1.0)


def expected(family, predictor, covariate, parameters, *, groups=None, offset=0.0):
    """Mean of the outcome, shape (patient,); of families with categories their probabilities, (patient, category)."""
    if family in {"categorical", *CUMULATIVE}:
        return category_probabilities(family, predictor, covariate, parameters, groups=groups)
    location = parameters["alpha"] + add_up(predictor, covariate, parameters, groups)
    if family == "bernoulli":
        return special.expit(location)
    return np.exp(offset + location) if family == "negative_binomial" else location


def log_likelihood(family, value, predictor, covariate, parameters, *, groups=None, weight=1.0, offset=0.0):
    """Log likelihood of every patient times the weight, shape (patient,).

    Parameters
    ----------
    parameters : mapping of names to values, with `probability` or `alpha` of ordinal and rank, and with `delta` where
        slopes differ by cutpoint
    """
    mean = expected(family, predictor, covariate, parameters, groups=groups, offset=offset)
    if family == "gaussian":
        own = stats.norm(mean, parameters["sigma"]).logpdf(value)
    elif family == "student_t":
        own = stats.t(parameters["nu"], mean, parameters["sigma"]).logpdf(value)
    elif family == "bernoulli":
        own = stats.bernoulli(mean).logpmf(value)
    elif family == "negative_binomial":
        phi = parameters["rate_cv"] ** -2.0
        own = stats.nbinom(phi, phi / (phi + mean)).logpmf(value)
    else:
        own = np.log(mean[np.arange(len(value)), np.asarray(value, int)])
    return weight * own


def log_prior(family, parameters, *, groups=None):
    """Log prior density of all parameters together."""
    sds = PRIOR_SD[family]
    total = 0.0
    for name in {"alpha", "beta", "gamma"} & parameters.keys() & sds.keys():
        total += log_density_of_effects(family, parameters[name], sds[name])
    if groups is not None:
        group_sd = np.asarray(parameters["group_sd"])
        total += stats.halfnorm(0.0, sds["group_sd"]).logpdf(group_sd).sum()
        total += log_density_of_effects(family, parameters["group_effect"], group_sd[grouping_of(groups)])
    own = {
        "sigma": stats.halfnorm(0.0, SIGMA_SD),
        "nu": stats.gamma(NU_SHAPE, 0.0, 1.0 / NU_RATE),
        "rate_cv": stats.halfnorm(0.0, RATE_CV_SD),
        "delta": stats.norm(0.0, DELTA_SD),
    }
    total += sum(prior.logpdf(parameters[name]).sum() for name, prior in own.items() if name in parameters)
    if family in CUMULATIVE:
        n = len(parameters["probability"])
        total += stats.dirichlet(np.full(n, CONCENTRATION / n)).logpdf(parameters["probability"])
    return float(total)


def log_density_of_effects(family, effect, sd):
    """Log density of normal effects; of categorical that of vectors among those that add up to zero."""
    if family != "categorical":
        return stats.norm(0.0, sd).logpdf(effect).sum()
    # In coordinates of an orthonormal basis of the vectors that add up to zero they are independent normals.
    basis = linalg.null_space(np.ones((1, np.shape(effect)[-1])))
    sigma = np.asarray(sd) / np.sqrt(2.0)
    return stats.norm(0.0, sigma[:, None] if sigma.ndim else sigma).logpdf(np.asarray(effect) @ basis).sum()


# Estimands, the slow way


def at(predictor, term, value):
    """The predictors with one term set to a value in every patient, shape (patient, term)."""
    changed = np.array(predictor, dtype=float)
    changed[:, term] = value
    return changed


def average_marginal_effect(family, predictor, covariate, parameters, term, *, step=1e-5, **more):
    """Slope of the expected outcome in a predictor, averaged over the patients, by central differences.

    A number, or shape (category,), per unit of the predictor as it stands in the model; `more` goes to `expected`.
    """
    shift = np.zeros(predictor.shape[1])
    shift[term] = step
    above = expected(family, predictor + shift, covariate, parameters, **more)
    below = expected(family, predictor - shift, covariate, parameters, **more)
    return ((above - below) / (2.0 * step)).mean(axis=0)


def risk_difference(family, predictor, covariate, parameters, term, low, high, **more):
    """Expected outcome with the predictor at `high` less that with it at `low` in all patients, averaged over them."""
    above, below = (
        expected(family, at(predictor, term, value), covariate, parameters, **more).mean(axis=0)
        for value in (high, low)
    )
    return above - below


def probability_of_superiority(family, predictor, covariate, parameters, term, low, high, **more):
    """P(Y1 > Y0) + P(Y1 = Y0) / 2 of ordinal or rank, by summing over all pairs of categories.

    Y1 is of a patient drawn from all of them whose predictor is set to `high`, Y0 of another whose predictor is `low`.
    """
    above, below = (
        expected(family, at(predictor, term, value), covariate, parameters, **more).mean(axis=0)
        for value in (high, low)
    )
    return sum(
        one * other * (1.0 if first > second else 0.5 if first == second else 0.0)
        for first, one in enumerate(above)
        for second, other in enumerate(below)
    )


def category_slopes(family, parameters, term, *, low=-1e-5, high=1e-5):
    """Log odds ratio of being above each cutpoint per unit between two values of a predictor; shape (cutpoint,).

    All other predictors are 0. By default it is the slope where this one is 0, too.
    """
    cumulative = []
    for value in (high, low):
        predictor = at(np.zeros((1, len(parameters["beta"]))), term, value)
        no_covariate = np.zeros((1, 0))
        cumulative.append(category_probabilities(family, predictor, no_covariate, parameters)[0].cumsum()[:-1])
    return -(special.logit(cumulative[0]) - special.logit(cumulative[1])) / (high - low)
