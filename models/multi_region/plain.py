"""The multi-region model as a paper writes it: plain PyMC with every effect, and its dense normal marginal by SciPy.

A feature f of region r, which lies in tumour t of a patient, with genes g, covariates z and a batch l:

    value_rf = mu_f + sum_g B_rfg genome_rg + sum_g contextual_fg gbar_tg + sum_c gamma_fc z_rc + batch_effect_fl
             + a_rf + epsilon_rf
    B_rfg = B_0_fg + U_tfg + W_rfg,   a_rf = patient_f + tumor_tf + space_rf

gbar_t is the mean of genome over the tumour's regions.

    mu ~ Normal(0, 1), B_0 ~ Normal(0, slope_sd²), contextual ~ Normal(0, 0.5²), gamma ~ Normal(0, 1)
    batch_effect ~ Normal(0, batch_sd²), slope_sd, batch_sd ~ HalfNormal(0.5)
    U_tfg ~ Normal(0, tumor_sd_fg²), W_fg ~ Normal(0, space_sd_fg² M_B), M_B zero between tumours
    tumor_sd_fg ~ HalfNormal(heterogeneity_sd sqrt(1 - within_share))
    space_sd_fg ~ HalfNormal(heterogeneity_sd sqrt(within_share))
    heterogeneity_sd ~ LogNormal(-1.9, 0.8), within_share ~ Beta(2, 2)

Matérn functions of distance have a length_scale for a and one for B, both inverse gamma with 1 % below the smallest and
1 % above the largest distance within a tumour. A graph's process is that of Riebler et al.: M_B = (1 - mixing) I +
mixing Q, M_a = Q, with the scaled intrinsic autoregression Q and mixing ~ Beta(1, 1). Exchangeable regions have M_B = I
and no space_rf.

Independent residuals (epsilon_rf ~ Normal(0, residual variance_f)):

    total_sd_f ~ LogNormal(-0.3, 0.5)                 total_sd² is the sum of the K variances of a and epsilon
    share_f ~ Dirichlet(6/K, ..., 6/K)                their shares: [patient,] tumour, [space,] residual

Correlated residuals, with sds of all else that the features share:

    a_sd ~ LogNormal(-0.7, 0.7), share ~ Dirichlet(4/K, ..., 4/K)       [patient,] tumour, [space]
    epsilon_r ~ Normal(0, Sigma), Sigma's sds ~ LogNormal(-0.5, 0.5), its correlation ~ LKJ(2)
"""

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy import linalg, optimize, special, stats

# NumPy's numbers, since PyTensor would take some of them for ones of single precision.
MU_SD, CONTEXTUAL_SD, GAMMA_SD = np.float64(1.0), np.float64(0.5), np.float64(1.0)
SLOPE_SD, BATCH_SD = np.float64(0.5), np.float64(0.5)
HETEROGENEITY = np.float64(-1.9), np.float64(0.8)
WITHIN_SHARE = np.float64(2.0), np.float64(2.0)
TOTAL = np.float64(-0.3), np.float64(0.5)
A_TOTAL = np.float64(-0.7), np.float64(0.7)
RESIDUAL = np.float64(-0.5), np.float64(0.5)
SHARE_TOTAL = {"independent": 6.0, "correlated": 4.0}
LKJ_SHAPE = np.float64(2.0)
SMOOTHNESS = {"matern12": 0.5, "matern32": 1.5, "matern52": 2.5}
JITTER = 1e-10


# What both forms of the model are made of


def columns_of(genome, tumor, *, covariate=None, batch=None, contextual=True):
    """Columns of the mean by the name of their coefficients, each of shape (region, column)."""
    columns = {"mu": np.ones((len(genome), 1)), "B_0": genome}
    if contextual:
        columns["contextual"] = np.stack([genome[tumor == own].mean(axis=0) for own in tumor])
    if covariate is not None:
        columns["gamma"] = covariate
    if batch is not None:
        columns["batch_effect"] = (batch[:, None] == np.unique(batch)).astype(float)
    return columns


def shares_of(spatial, residual, tumor, patient):
    """What a variance is divided among."""
    several = len(np.unique(patient)) < len(np.unique(tumor))
    names = ["patient"] * several + ["tumor"] + ["space"] * (spatial != "exchangeable")
    return names if residual == "correlated" else [*names, "residual"]


def same(label):
    """1 where two regions have the same label, shape (region, region)."""
    return (label[:, None] == label).astype(float)


def length_scale_prior(distance, tumor):
    """Shape and rate of the inverse gamma that has 1 % below the smallest, and above the largest, distance."""
    apart = distance[(same(tumor) > 0) & (distance > 0)]
    ends = apart.min(), max(apart.max(), 3.0 * apart.min())

    def excess(logarithms):
        shape, rate = np.exp(logarithms)
        distribution = stats.invgamma(shape, 0.0, rate)
        return np.log(distribution.ppf([0.01, 0.99]) / ends)

    return np.exp(optimize.fsolve(excess, [0.5, np.log(ends[0]) + 1.0], xtol=1e-13))


def scaled_autoregression(adjacency):
    """Covariance of an intrinsic autoregression: sums of zero and geometric mean variance 1 in each connected part.

    Parameters
    ----------
    adjacency : ndarray of 0 and 1, shape (region, region)
    """
    reached = linalg.expm(adjacency.astype(float)) > 1e-12
    covariance = np.eye(len(adjacency))
    for members in np.unique(reached, axis=0):
        part = np.flatnonzero(members)
        if len(part) > 1:
            own = adjacency[np.ix_(part, part)]
            contrasts = linalg.null_space(np.ones((1, len(part))))
            precision = contrasts.T @ (np.diag(own.sum(axis=1)) - own) @ contrasts
            within = contrasts @ np.linalg.solve(precision, contrasts.T)
            covariance[np.ix_(part, part)] = within / stats.gmean(np.diag(within))
    return covariance


# The model in PyMC


def build(
    value,
    genome,
    tumor,
    patient,
    *,
    spatial,
    residual="independent",
    distance=None,
    adjacency=None,
    covariate=None,
    batch=None,
    contextual=True,
    known=None,
    explicit=True,
):
    """The model, whose effects are multiples of their sds: a name with `_unit` is a standard normal number.

    Parameters
    ----------
    value : ndarray, shape (region, feature), NaN where missing (not with correlated residuals)
    genome : ndarray, shape (region, gene)
    tumor, patient, batch : ndarray of int, shape (region,), numbered from 0
    spatial : "matern12", "matern32", "matern52" (with `distance` in mm), "graph" (with `adjacency`), "exchangeable"
    residual : "independent" or "correlated"
    distance, adjacency : ndarray, shape (region, region)
    covariate : ndarray, shape (region, covariate)
    known : ndarray, shape (feature, region, region), covariance of measurement errors, of independent residuals
    explicit : whether a, U and W are variables; otherwise they are in the covariance of the values
    """
    columns = columns_of(genome, tumor, covariate=covariate, batch=batch, contextual=contextual)
    n, n_features, n_genes = *value.shape, genome.shape[1]
    correlated = residual == "correlated"
    with pm.Model() as model:
        slope_sd = pm.HalfNormal("slope_sd", SLOPE_SD)
        sds = {"mu": MU_SD, "B_0": slope_sd, "contextual": CONTEXTUAL_SD, "gamma": GAMMA_SD}
        if batch is not None:
            sds["batch_effect"] = pm.HalfNormal("batch_sd", BATCH_SD)
        mean = 0.0
        for name, own in columns.items():
            unit = pm.Normal(f"{name}_unit", 0.0, 1.0, shape=(n_features, own.shape[1]))
            mean = mean + pt.dot(own, pm.Deterministic(name, sds[name] * unit).T)

        heterogeneity_sd = pm.LogNormal("heterogeneity_sd", *HETEROGENEITY)
        within_share = pm.Beta("within_share", *WITHIN_SHARE)
        link = n_genes if correlated else (n_features, n_genes)
        tumor_sd = pm.HalfNormal("tumor_sd", heterogeneity_sd * pt.sqrt(1.0 - within_share), shape=link)
        space_sd = pm.HalfNormal("space_sd", heterogeneity_sd * pt.sqrt(within_share), shape=link)
        variance = variances_of_a(shares_of(spatial, residual, tumor, patient), residual, n_features)
        if correlated:
            distribution = pm.LogNormal.dist(*RESIDUAL)
            factor, _, _ = pm.LKJCholeskyCov("residual", eta=LKJ_SHAPE, n=n_features, sd_dist=distribution)
            pm.Deterministic("residual_covariance", pt.dot(factor, factor.T))
        of_a, of_b = correlations(spatial, tumor, distance, adjacency)
        if explicit:
            eta = mean + add_effects(
                genome, tumor, patient, spatial, adjacency, variance, tumor_sd, space_sd, of_a, of_b, model
            )
            if correlated:
                pm.MvNormal("value", eta, chol=factor, observed=value)
        for feature in range(0 if explicit and correlated else 1 if correlated else n_features):
            own = feature if not correlated else 0
            seen = np.flatnonzero(~np.isnan(value[:, own]))
            if explicit and known is None:
                sd = pt.sqrt(variance["residual"][own])
                pm.Normal(f"value_{own}", eta[seen, own], sd, observed=value[seen, own])
                continue
            if explicit:
                location, covariance = eta[:, own], variance["residual"][own] * np.eye(n)
            else:
                between, within = (sd if correlated else sd[own] for sd in (tumor_sd, space_sd))
                location, covariance = mean[:, own], 0.0
                pattern = {"patient": same(patient), "tumor": same(tumor), "space": of_a, "residual": np.eye(n)}
                for name, much in variance.items():
                    covariance = covariance + much[own] * pattern[name]
                for gene in range(n_genes):
                    product = np.outer(genome[:, gene], genome[:, gene])
                    covariance = covariance + product * (between[gene] ** 2 * same(tumor) + within[gene] ** 2 * of_b)
            if known is not None:
                covariance = covariance + known[own]
            if correlated:
                covariance = pt.linalg.kron(covariance, np.eye(n_features))
                covariance = covariance + pt.linalg.kron(pt.as_tensor(np.eye(n)), pt.dot(factor, factor.T))
                pm.MvNormal("value", mean.ravel(), covariance, observed=value.ravel())
            else:
                pm.MvNormal(f"value_{own}", location[seen], covariance[seen][:, seen], observed=value[seen, own])
    return model


def variances_of_a(names, residual, n_features):
    """Variance of each component by name, each of shape (feature,); shared where residuals are correlated."""
    concentration = np.full(len(names), SHARE_TOTAL[residual] / len(names))
    if residual == "correlated":
        total = pm.LogNormal("a_sd", *A_TOTAL) * np.ones(n_features)
        share = pm.Dirichlet("share", concentration) if len(names) > 1 else pt.ones(1)
        return {name: total**2 * share[place] for place, name in enumerate(names)}
    total = pm.LogNormal("total_sd", *TOTAL, shape=n_features)
    share = pm.Dirichlet("share", np.tile(concentration, (n_features, 1)))
    return {name: total**2 * share[:, place] for place, name in enumerate(names)}


def correlations(spatial, tumor, distance, adjacency):
    """M_a and M_B, each of shape (region, region)."""
    if spatial == "exchangeable":
        return np.eye(len(tumor)), np.eye(len(tumor))
    if spatial == "graph":
        mixing, structured = pm.Beta("mixing", 1.0, 1.0), scaled_autoregression(adjacency)
        return structured, (1.0 - mixing) * np.eye(len(tumor)) + mixing * structured
    shape, rate = length_scale_prior(distance, tumor)
    length_scale = pm.InverseGamma("length_scale", shape, rate, shape=2)
    found = []
    for process in range(2):
        scaled = np.sqrt(2.0 * SMOOTHNESS[spatial]) * distance / length_scale[process]
        polynomial = {"matern12": 1.0, "matern32": 1.0 + scaled, "matern52": 1.0 + scaled + scaled**2 / np.float64(3.0)}
        found.append(same(tumor) * polynomial[spatial] * pt.exp(-scaled))
    return tuple(found)


def add_effects(genome, tumor, patient, spatial, adjacency, variance, tumor_sd, space_sd, of_a, of_b, model):
    """What a, U and W add to the values, shape (region, feature), all as variables."""
    n, n_genes = genome.shape
    n_features = variance["tumor"].type.shape[0] or model["mu"].shape[0]
    n_tumors, n_patients = len(np.unique(tumor)), len(np.unique(patient))

    def draw(name, *shape):
        return pm.Normal(f"{name}_unit", 0.0, 1.0, shape=shape)

    added = (pt.sqrt(variance["tumor"])[:, None] * draw("tumor", n_features, n_tumors))[:, tumor]
    if "patient" in variance:
        added = added + (pt.sqrt(variance["patient"])[:, None] * draw("patient", n_features, n_patients))[:, patient]
    if spatial == "graph":
        # The autoregression adds up to zero in each part of the graph: as many numbers as it has dimensions.
        eigenvalues, vectors = np.linalg.eigh(scaled_autoregression(adjacency))
        root = (vectors * np.sqrt(np.maximum(eigenvalues, 0.0)))[:, eigenvalues > 1e-9]
        smooth = draw("space", n_features, root.shape[1]) @ root.T
        mixing = model["mixing"]
        rough, structured = draw("W", n_features, n, n_genes), draw("W_structured", n_features, root.shape[1], n_genes)
        local = pt.sqrt(1.0 - mixing) * rough
        local = local + pt.sqrt(mixing) * pt.stack([pt.dot(root, structured[own]) for own in range(n_features)])
    elif spatial == "exchangeable":
        smooth, local = None, draw("W", n_features, n, n_genes)
    else:
        root_a, root_b = (pt.linalg.cholesky(own + JITTER * np.eye(n)) for own in (of_a, of_b))
        smooth, local = draw("space", n_features, n) @ root_a.T, draw("W", n_features, n, n_genes)
        local = pt.stack([pt.dot(root_b, local[own]) for own in range(n_features)])
    if smooth is not None:
        added = added + pt.sqrt(variance["space"])[:, None] * smooth
    between, within = (pt.atleast_2d(sd)[:, None, :] for sd in (tumor_sd, space_sd))
    coefficient = between * draw("U", n_features, n_tumors, n_genes)[:, tumor] + within * local
    return (added + (coefficient * genome).sum(axis=2)).T


# The same density by SciPy, all that is Gaussian integrated out


def matern(spatial, distance, length_scale):
    """Matérn correlation of any smoothness, by the modified Bessel function."""
    nu = SMOOTHNESS[spatial]
    scaled = np.sqrt(2.0 * nu) * np.where(distance > 0, distance, 1.0) / length_scale
    found = 2.0 ** (1.0 - nu) / special.gamma(nu) * scaled**nu * special.kv(nu, scaled)
    return np.where(distance > 0, found, 1.0)


def correlations_at(parameters, spatial, tumor, distance, adjacency):
    """M_a and M_B at given parameters."""
    if spatial == "exchangeable":
        return np.eye(len(tumor)), np.eye(len(tumor))
    if spatial == "graph":
        mixing, structured = parameters["mixing"], scaled_autoregression(adjacency)
        return structured, (1.0 - mixing) * np.eye(len(tumor)) + mixing * structured
    return tuple(same(tumor) * matern(spatial, distance, own) for own in parameters["length_scale"])


def covariance_of_values(
    parameters,
    genome,
    tumor,
    patient,
    *,
    spatial,
    residual="independent",
    distance=None,
    adjacency=None,
    covariate=None,
    batch=None,
    contextual=True,
    known=None,
):
    """Covariance of all values, feature by feature, of shape (feature * region, feature * region).

    Parameters
    ----------
    parameters : mapping of names to values; of correlated residuals with `residual_covariance`
    """
    correlated = residual == "correlated"
    n = len(genome)
    n_features = len(parameters["residual_covariance"] if correlated else parameters["total_sd"])
    names = shares_of(spatial, residual, tumor, patient)
    of_a, of_b = correlations_at(parameters, spatial, tumor, distance, adjacency)
    pattern = {"patient": same(patient), "tumor": same(tumor), "space": of_a, "residual": np.eye(n)}
    sds = {"mu": MU_SD, "B_0": parameters["slope_sd"], "contextual": CONTEXTUAL_SD, "gamma": GAMMA_SD}
    sds["batch_effect"] = parameters.get("batch_sd")
    columns = columns_of(genome, tumor, covariate=covariate, batch=batch, contextual=contextual)
    blocks = []
    for feature in range(n_features):
        total = parameters["a_sd"] if correlated else parameters["total_sd"][feature]
        share = np.atleast_2d(parameters["share"] if len(names) > 1 else 1.0)[0 if correlated else feature]
        block = sum(total**2 * much * pattern[name] for name, much in zip(names, share, strict=True))
        for name, own in columns.items():
            block = block + sds[name] ** 2 * own @ own.T
        between, within = (
            np.atleast_2d(parameters[name])[0 if correlated else feature] for name in ("tumor_sd", "space_sd")
        )
        block = block + (genome * between**2) @ genome.T * same(tumor) + (genome * within**2) @ genome.T * of_b
        blocks.append(block if known is None else block + known[feature])
    covariance = linalg.block_diag(*blocks)
    return covariance + np.kron(parameters["residual_covariance"], np.eye(n)) if correlated else covariance


def log_marginal(parameters, value, genome, tumor, patient, **options):
    """Log density of all known values at given parameters; `options` are those of `covariance_of_values`."""
    covariance = covariance_of_values(parameters, genome, tumor, patient, **options)
    stacked = value.T.ravel()
    seen = np.flatnonzero(~np.isnan(stacked))
    return float(stats.multivariate_normal(None, covariance[np.ix_(seen, seen)]).logpdf(stacked[seen]))


def log_prior(parameters, *, spatial, residual="independent", distance=None, tumor=None):
    """Log prior density of the parameters, of a residual correlation up to a constant.

    The density of correlated residuals is that of `residual_sd` and of the correlations below the diagonal.
    """
    scale = parameters["heterogeneity_sd"] * np.sqrt([1.0 - parameters["within_share"], parameters["within_share"]])
    total = stats.halfnorm(0.0, SLOPE_SD).logpdf(parameters["slope_sd"])
    total += log_normal(HETEROGENEITY).logpdf(parameters["heterogeneity_sd"])
    total += stats.beta(*WITHIN_SHARE).logpdf(parameters["within_share"])
    total += stats.halfnorm(0.0, scale[0]).logpdf(parameters["tumor_sd"]).sum()
    total += stats.halfnorm(0.0, scale[1]).logpdf(parameters["space_sd"]).sum()
    if "batch_sd" in parameters:
        total += stats.halfnorm(0.0, BATCH_SD).logpdf(parameters["batch_sd"])
    for share in np.atleast_2d(parameters["share"]) if "share" in parameters else ():
        total += stats.dirichlet(np.full(len(share), SHARE_TOTAL[residual] / len(share))).logpdf(share)
    if "length_scale" in parameters:
        shape, rate = length_scale_prior(distance, tumor)
        total += stats.invgamma(shape, 0.0, rate).logpdf(parameters["length_scale"]).sum()
    if residual == "independent":
        return float(total + log_normal(TOTAL).logpdf(parameters["total_sd"]).sum())
    sd = parameters["residual_sd"]
    total += log_normal(A_TOTAL).logpdf(parameters["a_sd"]) + log_normal(RESIDUAL).logpdf(sd).sum()
    correlation = parameters["residual_covariance"] / np.outer(sd, sd)
    return float(total + (LKJ_SHAPE - 1.0) * np.linalg.slogdet(correlation)[1])


def log_normal(arguments):
    """Log-normal distribution, of the logarithm's mean and sd."""
    return stats.lognorm(arguments[1], 0.0, np.exp(arguments[0]))
