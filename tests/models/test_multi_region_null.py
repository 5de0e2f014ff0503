"""Heterogeneity of a link is found where it is, and not where an image varies between tumours and in space by itself.

The posterior is reached without a sampler: the exact density of the values, of which the coefficients and effects are
integrated out, weights draws of the other parameters, written as functions of standard normal scores. The first scores
are drawn from their prior, each later round from a normal distribution with the moments of the rounds before; weights
make up for the difference (adaptive multiple importance sampling; Cornuet et al. 2012, arXiv:0907.1254) and are worth
at least `LEAST` draws in every answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from scipy.special import logsumexp, ndtr, softmax

from bayesrg.inference import Sampler, fit
from bayesrg.models import MultiRegion
from bayesrg.models.regions.conditioning import condition, split
from bayesrg.models.regions.correlation import MATERN
from bayesrg.models.regions.layout import RegionLayout
from bayesrg.models.regions.parameters import dims_of
from bayesrg.prior import DISTRIBUTIONS, Prior
from bayesrg.simulation import simulate_regions
from bayesrg.simulation.clones import ExpressedGene
from bayesrg.simulation.regions import neighbours_of

MODELS = {spatial: MultiRegion(spatial) for spatial in ("matern32", "graph", "exchangeable")}
TUMORS, REGIONS = 30, 5
# Nine tenths of this gene's variance lie between tumours.
GENE = ExpressedGene(tumor_sd=1.5, branch_sd=0.3, trend_sd=0.4, noise_sd=0.1)
SCORES = 10  # parameters of a Matérn form; other forms have fewer
# Draws of a round; rounds at most; what the weights must be worth in draws, and when flattened; and draws kept.
ROUND, ROUNDS, LEAST, FLATTENED, KEPT = 400, 12, 200, 60, 400
Noise = Callable[[np.random.Generator], np.ndarray]
ASKED = ("heterogeneity_above", "universal", "local", "above_zero")


@dataclass(frozen=True)
class World:
    """How an image comes about: sds of the link between tumours and in space, and shares of tumour, space and noise."""

    tumor_sd: float = 0.0
    space_sd: float = 0.0
    share: tuple[float, float, float] = (0.6, 0.2, 0.2)


NULL = World()
# To which noise of another kind is added.
NOISELESS = World(share=(0.6, 0.2, 0.0))


@cache
def design(spatial: str) -> xr.Dataset:
    table = simulate_regions(TUMORS, REGIONS, genes={"EGFR": GENE}, seed=3)
    table["feature"] = np.random.default_rng(1).standard_normal(len(table))
    places = {"neighbours": neighbours_of(table, 2)} if spatial == "graph" else {}
    places |= {"coordinates": ["x", "y", "z"]} if spatial in MATERN else {}
    return MODELS[spatial].prepare(table, features=["feature"], genes=["EGFR"], **places)


def simulate(world: World, seed: int, spatial: str = "matern32", noise: np.ndarray | None = None) -> xr.Dataset:
    """Values of sd 0.9 beside a link of 0.5, which varies as the world says, and noise (region) that is added."""
    model, data = MODELS[spatial], design(spatial)
    own = model.draw_prior(data, np.random.default_rng(0), 1)["parameters"].to_dataset().isel(draw=0)
    own = own.drop_vars([name for name in own if str(name).startswith("B_variance")])
    tumor, space, rest = world.share
    own["share"][...] = np.array([tumor, space + rest] if spatial == "exchangeable" else [tumor, space, rest])
    settings = {"total_sd": 0.9, "mu": 0.0, "B_0": 0.5, "contextual": 0.0, "length_scale": 12.0, "mixing": 0.9}
    settings |= {"tumor_sd": world.tumor_sd, "space_sd": world.space_sd}
    for name, value in settings.items():
        if name in own:
            own[name][...] = value
    found = model.simulate(data, np.random.default_rng(seed), own)["data"].to_dataset()
    return found if noise is None else found.assign(value=found["value"] + noise[:, None])


def place_draws(model: MultiRegion, data: xr.Dataset, scores: np.ndarray, *, structured: bool) -> dict[str, np.ndarray]:
    """Parameters of one link whose prior is the model's where the scores (draw, parameter) are standard normal.

    Unless `structured`, all variance of a + epsilon is independent noise: none lies between tumours or in space.
    """
    column = iter(ndtr(scores).T)

    def take(prior: Prior) -> np.ndarray:
        names, distribution = DISTRIBUTIONS[prior.distribution]
        return distribution(*(prior.arguments[name] for name in names)).ppf(next(column))

    def take_beta(alpha: float, beta: float) -> np.ndarray:
        return stats.beta.ppf(next(column), alpha, beta)

    priors, shares = model.priors, model.components_of_a(RegionLayout(data, model.contextual))
    own = {name: take(getattr(priors, name)) for name in ("slope_sd", "heterogeneity_sd", "within_share")}
    scale, within = own["heterogeneity_sd"], own["within_share"]
    for name, part in (("tumor_sd", 1.0 - within), ("space_sd", within)):
        own[name] = (scale * np.sqrt(part) * stats.halfnorm.ppf(next(column)))[:, None, None]
    own["total_sd"] = take(priors.total_sd)[:, None]
    if model.spatial in MATERN:
        own["length_scale"] = np.stack([take(model.length_scale_prior(data)) for _ in range(2)], axis=1)
    if model.spatial == "graph":
        own["mixing"] = take(priors.mixing)
    each, left, parts = priors.share.arguments["total"] / len(shares), np.ones(len(scores)), []
    for others in range(len(shares) - 1, 0, -1):
        parts.append(left * take_beta(each, each * others))
        left = left - parts[-1]
    own["share"] = np.stack([*parts, left], axis=-1)[:, None]
    if not structured:
        own["share"] = np.zeros_like(own["share"]) + (np.arange(len(shares)) == len(shares) - 1)
    return own


def weigh(model: MultiRegion, data: xr.Dataset, own: Mapping[str, np.ndarray]) -> np.ndarray:
    """Log density of all values given each draw of the parameters."""
    layout = RegionLayout(data, model.contextual)
    components = model.components(own, layout)
    return np.concatenate([condition(components.part(some), layout).joint for some in split(components, layout)])


def effective(log_weight: np.ndarray) -> float:
    return float(1.0 / np.sum(softmax(log_weight) ** 2))


def ask(data: xr.Dataset, *, structured: bool = True) -> pd.Series:
    """Posterior probabilities of what the only link of a data set may be, and the effective size that they rest on."""
    model, rng = MODELS[data.attrs["spatial"]], np.random.default_rng(7)
    prior = stats.multivariate_normal(np.zeros(SCORES))
    proposals = [prior]
    scores, likelihood, log_weight, size = np.empty((0, SCORES)), np.empty(0), np.empty(0), 0.0
    while size < LEAST:
        assert len(proposals) <= ROUNDS
        drawn = proposals[-1].rvs(ROUND, rng)
        scores = np.concatenate([scores, drawn])
        likelihood = np.append(likelihood, weigh(model, data, place_draws(model, data, drawn, structured=structured)))
        density = logsumexp([proposal.logpdf(scores) for proposal in proposals], axis=0) - np.log(len(proposals))
        log_weight = likelihood + prior.logpdf(scores) - density
        size = effective(log_weight)
        # A few draws carry the weight at first: it is flattened until it is worth enough of them.
        power = next(power for power in 0.8 ** np.arange(40) if effective(power * log_weight) >= FLATTENED)
        weight = softmax(power * log_weight)
        proposals.append(stats.multivariate_normal(weight @ scores, 1.2 * np.cov(scores.T, aweights=weight)))
    chosen = scores[rng.choice(len(scores), KEPT, p=softmax(log_weight))]
    dims, own = dims_of(model), place_draws(model, data, chosen, structured=structured)
    posterior = xr.Dataset({name: (("chain", "draw", *dims[name]), one[None]) for name, one in own.items()})
    posterior = posterior.assign_coords(chain=[0], draw=np.arange(KEPT))
    estimands = model.estimands(posterior.merge(model.recover_local(posterior, data, rng, local=False)), data)
    return pd.Series({name: float(estimands[name].mean()) for name in ASKED} | {"size": size})


def ask_many(data: list[xr.Dataset], *, structured: bool = True) -> pd.DataFrame:
    return pd.DataFrame([ask(one, structured=structured) for one in data])


@pytest.fixture(scope="module")
def prior_above() -> float:
    """Probability before the data that the heterogeneity is of interest."""
    data = design("matern32")
    drawn = MODELS["matern32"].draw_prior(data, np.random.default_rng(2), 2000)["parameters"].to_dataset()
    posterior = drawn.expand_dims("chain").assign_coords(chain=[0], draw=np.arange(2000))
    return float(MODELS["matern32"].estimands(posterior, data)["heterogeneity_above"].mean())


@pytest.mark.parametrize("spatial", MODELS)
def test_normal_scores_give_the_prior_of_the_model(spatial: str):
    model, data = MODELS[spatial], design(spatial)
    drawn = model.draw_prior(data, np.random.default_rng(2), 2000)["parameters"]
    scores = np.random.default_rng(3).standard_normal((2000, SCORES))
    placed = place_draws(model, data, scores, structured=True)
    assert set(placed) == set(dims_of(model)) & set(drawn.data_vars)
    for name, own in placed.items():
        for one, other in zip(own.reshape(2000, -1).T, drawn[name].values.reshape(2000, -1).T, strict=True):
            assert stats.ks_2samp(one, other).pvalue > 1e-3


def test_image_that_varies_by_itself_is_no_heterogeneity_of_links(prior_above: float):
    found = ask_many([simulate(NULL, seed) for seed in range(3)])
    assert found["heterogeneity_above"].mean() < 0.75 * prior_above
    assert found["local"].mean() < 0.2
    assert found["above_zero"].min() > 0.9


def test_without_variance_of_its_own_the_image_would_pass_for_heterogeneity():
    found = ask_many([simulate(NULL, seed) for seed in range(2)], structured=False)
    assert found["heterogeneity_above"].min() > 0.95


def test_link_that_varies_in_space_is_found():
    found = ask(simulate(World(space_sd=0.6), 0))
    assert found["heterogeneity_above"] > 0.9
    assert found["local"] > 0.9


def test_link_that_varies_between_tumors_is_found_and_is_not_local():
    found = ask(simulate(World(tumor_sd=0.6), 0))
    assert found["heterogeneity_above"] > 0.9
    assert found["local"] < 0.5


@pytest.mark.parametrize("spatial", ["graph", "exchangeable"])
def test_other_forms_tell_the_image_from_the_link(spatial: str):
    image = simulate(NULL, 0, spatial)
    assert ask(image)["heterogeneity_above"] < 0.5
    assert ask(image, structured=False)["heterogeneity_above"] > 0.95
    assert ask(simulate(World(space_sd=0.6), 0, spatial))["heterogeneity_above"] > 0.9


def draw_noise_by_tumor(rng: np.random.Generator) -> np.ndarray:
    """Noise of sd 0.4 over all, whose logarithmic sd differs between tumours with an sd of 0.7."""
    sd = np.exp(0.7 * rng.standard_normal(TUMORS))
    sd *= 0.4 / np.sqrt((sd**2).mean())
    return sd[design("matern32")["tumor_index"].values] * rng.standard_normal(TUMORS * REGIONS)


def draw_heavy_tails(rng: np.random.Generator) -> np.ndarray:
    """Noise of Student's t with 3 degrees of freedom and sd 0.4."""
    return 0.4 / np.sqrt(3.0) * rng.standard_t(3.0, TUMORS * REGIONS)


@pytest.mark.parametrize("draw_noise", [draw_noise_by_tumor, draw_heavy_tails])
def test_noise_of_many_sds_that_does_not_follow_the_gene_is_not_taken_for_heterogeneity(draw_noise: Noise):
    noise = [draw_noise(np.random.default_rng(seed)) for seed in (50, 51)]
    found = ask_many([simulate(NOISELESS, seed, noise=one) for seed, one in enumerate(noise)])
    # Such noise may leave the question open (0.5 in one data set of the first kind): it does not answer it.
    assert found["heterogeneity_above"].mean() < 0.5
    assert found["heterogeneity_above"].max() < 0.75
    assert found["local"].max() < 0.5


def test_noise_that_grows_with_the_gene_passes_for_heterogeneity():
    """A limitation: noise of sd 0.2 + 0.4 |g| looks like a link that varies without structure in space."""
    gene = design("matern32")["genome"].values[:, 0]
    noise = (0.2 + 0.4 * np.abs(gene)) * np.random.default_rng(50).standard_normal(gene.size)
    assert ask(simulate(NOISELESS, 0, noise=noise))["heterogeneity_above"] > 0.9


@pytest.mark.slow
def test_sampler_gives_the_same_answers():
    model, sampler = MODELS["matern32"], Sampler(MODELS["matern32"], design("matern32"))
    for world, above in ((NULL, False), (World(space_sd=0.6), True)):
        data = simulate(world, 0)
        tree = fit(model, data, seed=1, draws=500, tune=500, chains=4, sampler=sampler, progress=False)
        assert int(tree["sample_stats"]["diverging"].sum()) == 0
        expected = ask(data)
        found = pd.Series({name: float(tree["estimands"][name].mean()) for name in ASKED})
        print(world, found.to_dict(), expected.to_dict())
        # 0.06 is the largest sd of a difference: of 200 draws' worth, 400 chosen of them, and as many of the sampler's.
        assert (found - expected[list(ASKED)]).abs().max() < 0.15
        assert (found["heterogeneity_above"] > 0.9) == above
