"""Multi-region models: what integrating coefficients and effects out brings, in gradients and in sampling.

    uv run --group bench python benchmarks/multi_region.py [--parts gradient explicit large]

Gradient: log density and gradient of the kernel against dense forms with the same result, in one process and in turn.
Of independent features the dense form has one covariance of all regions for each feature, B_0 included; of correlated
residuals one of all features and regions of a tumour, B_0 taken out by Woodbury's identity. Both use LAPACK through
SciPy and the closed form of the gradient, and are held against the kernel's values.
Explicit: the model with every effect (`models/multi_region/plain.py`) and ours sample the same data by NUTS (nutpie);
the figure is the smallest effective sample size a second of CPU over what both sample, and R-hat and divergences stand
beside. Large: 30 tumours of 10 regions, 20 features and 10 genes, to R-hat below 1.01 and ESS above 400, in seconds
of CPU.
"""

import argparse
import importlib.util
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import xarray as xr
from scipy import linalg

from bayesrg.inference.region_density import correlated_region_density, region_density
from bayesrg.models import MultiRegion
from bayesrg.models.regions.layout import RegionLayout
from bayesrg.simulation import simulate_regions

SEED = 5
SIZES = ((20, 8, 10, 5), (30, 10, 20, 10))
GENES = ("EGFR", "CDK4", "PDGFRA", "PTEN", "CDKN2A", "MDM2", "MET", "RB1", "NF1", "TP53")


def design(tumors, regions, features, genes, model):
    """Regions with simulated genomes, and features without meaning."""
    table = simulate_regions(tumors, regions, genes=dict.fromkeys(GENES[:genes], "log2_ratio"), seed=SEED)
    rng = np.random.default_rng(SEED)
    names = [f"feature_{number + 1}" for number in range(features)]
    table[names] = rng.standard_normal((len(table), features))
    return model.prepare(table, features=names, genes=list(GENES[:genes]), coordinates=["x", "y", "z"])


def cohort(tumors, regions, features, genes, model):
    """Data with links that vary in space, of known parameters."""
    data = design(tumors, regions, features, genes, model)
    own = model.draw_prior(data, np.random.default_rng(SEED), 1)["parameters"].to_dataset().isel(draw=0)
    own = own.drop_vars([name for name in ("mu", "B_0", "contextual") if name in own])
    own = own[[name for name in own if not str(name).startswith("B_variance")]]
    own["heterogeneity_sd"][...], own["length_scale"][...], own["slope_sd"][...] = 0.3, 12.0, 0.3
    rng = np.random.default_rng(SEED + 1)
    for name in ("tumor_sd", "space_sd"):
        own[name][...] = np.abs(rng.normal(0.0, 0.2, own[name].shape))
    return model.simulate(data, np.random.default_rng(SEED), own)["data"].to_dataset()


# Gradient


def block_matrices(covariance, start, first):
    """Square blocks (feature, n, n) from packed ones (pair, feature)."""
    found = []
    for block, size in enumerate(np.diff(start)):
        row, column = np.tril_indices(size)
        own = covariance[first[block] : first[block + 1]]
        matrix = np.zeros((own.shape[1], size, size))
        matrix[:, row, column] = matrix[:, column, row] = own.T
        found.append(matrix)
    return found


def dense_independent(covariance, prior, value, columns, start, first):
    """Log density and derivatives in the covariance of each feature's values, all regions at once."""
    density, slopes, prior_slope = 0.0, np.empty_like(covariance), np.zeros(prior.size)
    blocks = block_matrices(covariance, start, first)
    among = (columns * prior) @ columns.T
    for feature in range(value.shape[1]):
        whole = among.copy()
        for block, (begin, end) in enumerate(pairwise(start)):
            whole[begin:end, begin:end] += blocks[block][feature]
        factor, _ = linalg.lapack.dpotrf(whole, lower=1)
        inverse, _ = linalg.lapack.dpotri(factor, lower=1)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        alpha = inverse @ value[:, feature]
        density -= (
            0.5 * value[:, feature] @ alpha + np.log(np.diag(factor)).sum() + 0.5 * len(alpha) * np.log(2 * np.pi)
        )
        middle = 0.5 * (np.outer(alpha, alpha) - inverse)
        prior_slope += np.einsum("ia,ij,ja->a", columns, middle, columns, optimize=True)
        for block, (begin, end) in enumerate(pairwise(start)):
            row, column = np.tril_indices(end - begin)
            own = middle[begin:end, begin:end]
            slopes[first[block] : first[block + 1], feature] = np.where(row == column, 1.0, 2.0) * own[row, column]
    return density, slopes, prior_slope


def dense_correlated(shared, sigma, prior, value, columns, start, first):
    """Log density and derivatives, tumour by tumour with one covariance of all its features and regions."""
    n_features, n_columns = sigma.shape[0], prior.size
    precision = np.kron(np.diag(1.0 / prior), np.eye(n_features))
    target, density = np.zeros(n_columns * n_features), 0.0
    kept = []
    for block, (begin, end) in enumerate(pairwise(start)):
        size = end - begin
        row, column = np.tril_indices(size)
        own = np.zeros((size, size))
        own[row, column] = own[column, row] = shared[first[block] : first[block + 1]]
        whole = np.kron(own, np.eye(n_features)) + np.kron(np.eye(size), sigma)
        factor, _ = linalg.lapack.dpotrf(whole, lower=1)
        inverse, _ = linalg.lapack.dpotri(factor, lower=1)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        wide = np.kron(columns[begin:end], np.eye(n_features))
        solved = inverse @ wide
        flat = value[begin:end].ravel()
        density -= np.log(np.diag(factor)).sum() + 0.5 * flat @ inverse @ flat + 0.5 * flat.size * np.log(2 * np.pi)
        precision += wide.T @ solved
        target += solved.T @ flat
        kept.append((inverse, solved, flat, wide))
    factor, _ = linalg.lapack.dpotrf(precision, lower=1)
    spread, _ = linalg.lapack.dpotri(factor, lower=1)
    spread = np.tril(spread) + np.tril(spread, -1).T
    mean = spread @ target
    density += 0.5 * target @ mean - np.log(np.diag(factor)).sum() - 0.5 * n_features * np.log(prior).sum()
    slopes, sigma_slope = np.empty_like(shared), np.zeros_like(sigma)
    for block, (inverse, solved, flat, wide) in enumerate(kept):
        size = start[block + 1] - start[block]
        alpha = inverse @ (flat - wide @ mean)
        middle = 0.5 * (np.outer(alpha, alpha) - inverse + solved @ spread @ solved.T)
        parts = middle.reshape(size, n_features, size, n_features)
        row, column = np.tril_indices(size)
        own = np.einsum("ifjf->ij", parts)
        slopes[first[block] : first[block + 1]] = np.where(row == column, 1.0, 2.0) * own[row, column]
        sigma_slope += np.einsum("ifig->fg", parts)
    moments = (mean**2 + np.diag(spread)).reshape(n_columns, n_features).sum(axis=1)
    return density, slopes, sigma_slope, 0.5 * (moments / prior - n_features) / prior


def least_seconds(function, arguments, repeats):
    """The least CPU time of some calls."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        function(*arguments)
        times.append(time.process_time() - began)
    return min(times)


def compare_gradients():
    """Kernel against dense forms at both sizes."""
    print("log density and gradient, CPU milliseconds (least of several calls)")
    for size in SIZES:
        model = MultiRegion(contextual=False)
        data = cohort(*size, model)
        layout = RegionLayout(data, contextual=False)
        own = model.draw_prior(data, np.random.default_rng(1), 1)["parameters"].to_dataset()
        components = model.components({str(name): one.values for name, one in own.items()}, layout)
        blocks = [components.covariance(layout, block)[0] for block in range(len(layout.blocks))]
        packed = [matrix[:, *np.tril_indices(matrix.shape[-1])].T for matrix in blocks]
        covariance, prior = np.ascontiguousarray(np.concatenate(packed)), components.prior[0]
        value = layout.value
        kernel = (
            np.concatenate([covariance.ravel(), prior]),
            value,
            layout.mask,
            layout.columns,
            layout.start,
            layout.first,
        )
        dense = (covariance, prior, value, layout.columns, layout.start, layout.first)
        density, gradient = region_density(*kernel)
        expected, slopes, prior_slope = dense_independent(*dense)
        np.testing.assert_allclose(density, expected, rtol=1e-9)
        np.testing.assert_allclose(gradient, np.concatenate([slopes.ravel(), prior_slope]), rtol=1e-6, atol=1e-6)
        ours, theirs = least_seconds(region_density, kernel, 50), least_seconds(dense_independent, dense, 3)
        print(f"  {size}: independent features {ours * 1e3:.3f}, dense {theirs * 1e3:.1f}, ratio {theirs / ours:.0f}")
        shared = np.ascontiguousarray(covariance[:, 0] - layout.diagonal * components.residual[0, 0])
        rng = np.random.default_rng(3)
        root = rng.standard_normal((size[2], size[2]))
        sigma = root @ root.T / size[2] + 0.3 * np.eye(size[2])
        kernel = (
            np.concatenate([shared, sigma.ravel(), prior]),
            value,
            layout.mask,
            layout.columns,
            layout.start,
            layout.first,
        )
        dense = (shared, sigma, prior, value, layout.columns, layout.start, layout.first)
        density, gradient = correlated_region_density(*kernel)
        expected, slopes, sigma_slope, prior_slope = dense_correlated(*dense)
        np.testing.assert_allclose(density, expected, rtol=1e-9)
        found = np.concatenate([slopes, sigma_slope.ravel(), prior_slope])
        np.testing.assert_allclose(gradient, found, rtol=1e-6, atol=1e-6)
        ours, theirs = least_seconds(correlated_region_density, kernel, 50), least_seconds(dense_correlated, dense, 3)
        print(f"  {size}: correlated residuals {ours * 1e3:.3f}, dense {theirs * 1e3:.1f}, ratio {theirs / ours:.0f}")


# Sampling


def sample(compiled, **settings):
    """Draws, and the CPU seconds that sampling took."""
    import nutpie

    began = time.process_time()
    tree = nutpie.sample(compiled, seed=SEED, chains=4, progress_bar=False, cores=2, **settings)
    return tree, time.process_time() - began


def judge(tree, names):
    """Smallest bulk ESS, largest R-hat over what is named, and divergences."""
    import arviz as az

    posterior: xr.Dataset = tree["posterior"].to_dataset()[names]
    ess, r_hat = az.ess(posterior, method="bulk"), az.rhat(posterior)
    smallest = min(float(ess[name].min()) for name in names)
    largest = max(float(r_hat[name].max()) for name in names)
    return smallest, largest, int(tree["sample_stats"]["diverging"].sum())


def compare_with_explicit():
    """Effective draws a CPU second against the model with every effect, at a size where that converges."""
    import nutpie

    path = Path(__file__).resolve().parents[1] / "models" / "multi_region" / "plain.py"
    spec = importlib.util.spec_from_file_location("plain", path)
    plain = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plain)
    model = MultiRegion(contextual=False)
    data = cohort(8, 5, 2, 1, model)
    names = [
        "slope_sd",
        "heterogeneity_sd",
        "within_share",
        "tumor_sd",
        "space_sd",
        "length_scale",
        "total_sd",
        "share",
    ]
    tumor = data["tumor_index"].values
    place = data["position"].values
    distance = np.linalg.norm(place[:, None] - place[None], axis=-1)
    explicit = plain.build(
        data["value"].values,
        data["genome"].values,
        tumor,
        tumor,
        spatial="matern32",
        distance=distance,
        contextual=False,
    )
    print("\nsampling 8 tumours of 5 regions, 2 features, 1 gene (NUTS by nutpie, 4 chains)")
    rates = {}
    for name, graph, settings in (
        ("explicit", explicit, {"draws": 5000, "tune": 1500, "target_accept": 0.97}),
        ("bayesrg", model.build(data), {"draws": 1500, "tune": 1000, "target_accept": model.target_accept}),
    ):
        compiled = nutpie.compile_pymc_model(graph)
        tree, seconds = sample(compiled, **settings)
        smallest, largest, diverged = judge(tree, names)
        rates[name] = smallest / seconds
        print(
            f"  {name:<9} {seconds:7.1f} s CPU, smallest ESS {smallest:6.0f}, R-hat {largest:.4f}, {diverged} "
            f"divergences, {rates[name]:.1f} effective draws a second"
        )
    print(f"  ratio {rates['bayesrg'] / rates['explicit']:.1f}")


def sample_large():
    """How long the size of a large study takes."""
    import nutpie

    print("\n30 tumours of 10 regions, 20 features, 10 genes")
    for residual, settings in (
        ("correlated", {"draws": 500, "tune": 500}),
        ("independent", {"draws": 600, "tune": 500}),
    ):
        model = MultiRegion(residual=residual)
        data = cohort(30, 10, 20, 10, model)
        graph = model.build(data)
        began = time.process_time()
        compiled = nutpie.compile_pymc_model(graph)
        compiling = time.process_time() - began
        tree, seconds = sample(compiled, target_accept=0.8, **settings)
        smallest, largest, diverged = judge(tree, [variable.name for variable in graph.free_RVs])
        steps = float(tree["sample_stats"]["n_steps"].mean())
        print(
            f"  {residual:<11} residuals: {seconds:6.1f} s CPU of sampling ({compiling:.0f} s of compiling), smallest "
            f"ESS {smallest:.0f}, R-hat {largest:.4f}, {diverged} divergences, {steps:.0f} gradients a draw"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"gradient": compare_gradients, "explicit": compare_with_explicit, "large": sample_large}
    parser.add_argument("--parts", nargs="+", choices=list(parts), default=list(parts))
    for part in parser.parse_args().parts:
        parts[part]()


if __name__ == "__main__":
    main()
