"""The collapsed densities as PyTensor operations, so that a PyMC model can observe them.

Each operation returns the log density and its gradient from one numba kernel; PyTensor never differentiates or
unrolls a factorisation, which keeps the compiled graph small (a few seconds instead of a minute for the same density in
PyTensor).
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from bayesrg.inference import batched, batched_elimination, elimination, lanes, region_density, strata
from bayesrg.inference.batched import BatchedElimination, BatchedStrata, sum_values
from bayesrg.inference.batched_elimination import evaluate_elimination
from bayesrg.inference.elimination import elimination_density, scaled_elimination_density
from bayesrg.inference.region_density import SYMBOLS, correlated_region_density, external_density
from bayesrg.inference.region_density import region_density as density_of_regions
from bayesrg.inference.strata import strata_density

KERNELS = (
    batched,
    batched_elimination,
    elimination,
    lanes,
    region_density,
    strata,
)  # the files that the densities are made of


class CollapsedDensity(Op):
    """Log density of Gaussian data, and its gradient, as a function of the variances (first input)."""

    __props__ = ("form",)
    kernels = {  # noqa: RUF012 (PyTensor reads class attributes)
        "strata": strata_density,
        "elimination": elimination_density,
        "scaled_elimination": scaled_elimination_density,
        "regions": density_of_regions,
        "correlated_regions": correlated_region_density,
    }

    def __init__(self, form: str) -> None:
        self.form = form

    def make_node(self, *inputs: Any) -> Apply:
        """Return the node: a scalar log density, and a gradient of the shape of the variances (the first input)."""
        return Apply(self, [pt.as_tensor(array) for array in inputs], [pt.dscalar(), pt.dvector()])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """Evaluate in Python, for PyTensor's other backends."""
        density, gradient = self.kernels[self.form](*inputs)
        output_storage[0][0] = np.asarray(density)
        output_storage[1][0] = gradient

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only the density depends differentiably on an input, and only on the variances."""
        return [[number == 0, False] for number in range(len(node.inputs))]

    def pullback(self, inputs: Sequence[Any], outputs: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        """Chain rule: the stored gradient times the incoming one."""
        return [cotangents[0] * outputs[1], *(DisconnectedType()() for _ in inputs[1:])]

    def L_op(self, inputs: Sequence[Any], outputs: Sequence[Any], output_grads: Sequence[Any]) -> list[Any]:
        """Chain rule under the name that PyTensor calls it by."""
        return self.pullback(inputs, outputs, output_grads)


@register_funcify_default_op_cache_key(CollapsedDensity)
def _compile_collapsed(op: CollapsedDensity, node: Apply, **_: Any) -> Any:
    if op.form in SYMBOLS:
        collapsed = numba_njit(external_density(op.form))
    else:
        kernel = op.kernels[op.form]

        @numba_njit
        def collapsed(*inputs):
            return kernel(*inputs)

    # PyTensor keeps the compiled function on disk: another kernel needs another key.
    sources = (Path(str(module.__file__)).read_bytes() for module in KERNELS)
    digest = hashlib.sha256(b"".join((Path(__file__).read_bytes(), *sources))).digest()
    return collapsed, int.from_bytes(digest[:8])


def collapsed_density(form: str, variances: Any, *data: Any) -> Any:
    """Log density (a PyTensor scalar) of `data` in the given form.

    Parameters
    ----------
    form : ``"strata"``, ``"elimination"``, ``"scaled_elimination"``, where the log scales of levels follow the
        variances, or ``"regions"`` and ``"correlated_regions"``, of covariances (`bayesrg.inference.region_density`)
    """
    density, _ = CollapsedDensity(form).make_node(variances, *data).outputs
    return density


@numba.njit(nogil=True)
def strata_densities(variances, sums_of_squares, degrees_of_freedom, weight):
    """Log densities of the features of a balanced design, and their gradients: a row of `variances` a feature."""
    density, gradient = np.empty(variances.shape[0]), np.empty(variances.shape)
    for feature in range(variances.shape[0]):
        one, slope = strata_density(variances[feature], sums_of_squares[feature], degrees_of_freedom, weight)
        density[feature] = one.item()
        gradient[feature] = slope
    return density, gradient


@numba.njit(nogil=True)
def elimination_densities(variances, value, member, first, width, *design):
    """Log densities of the features of any design, and their gradients: a row of `variances` a feature.

    Parameters
    ----------
    variances, value : ndarray, shapes (feature, variance) and (feature, measurement)
    member, first, width : the patterns of a `BatchedElimination`
    design : the arrays of an `Elimination`
    """
    local, border, subject, pattern, local_gram, cross_gram, border_gram, local_variance, border_variance = design
    sums = sum_values(value, local, border, subject, pattern.size, local_variance.shape[1], border_variance.size)
    factored = member, first, width, local_gram, cross_gram, border_gram, local_variance, border_variance
    density, gradient = np.empty(len(value)), np.zeros(variances.shape)
    evaluate_elimination(variances, np.arange(len(value)), value.shape[1], sums, factored, density, gradient)
    return density, gradient


class CollapsedDensities(CollapsedDensity):
    """Log density of each feature of one design, and the gradient of each, as functions of their variances.

    The first input has the shape (feature, variance), and so has the gradient.
    """

    kernels = {"strata": strata_densities, "elimination": elimination_densities}  # noqa: RUF012

    def make_node(self, *inputs: Any) -> Apply:
        """Return the node: a log density of each feature, and a gradient of the shape of the variances."""
        return Apply(self, [pt.as_tensor(array) for array in inputs], [pt.dvector(), pt.dmatrix()])

    def pullback(self, inputs: Sequence[Any], outputs: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        """Chain rule: each feature's stored gradient times its incoming one."""
        slope = cotangents[0][:, None] * outputs[1]
        return [slope, *(DisconnectedType()() for _ in inputs[1:])]


def collapsed_densities(form: str, variances: Any, *data: Any) -> Any:
    """Log densities (feature,) at its variances (feature, variance), by ``"strata"`` or ``"elimination"``."""
    densities, _ = CollapsedDensities(form).make_node(variances, *data).outputs
    return densities


def observe_features(number: str, variance: Any, likelihood: BatchedStrata | BatchedElimination, draw: Any) -> None:
    """Observe features of one design in the PyMC model in context: the sums of squares of a balanced one, else values.

    Parameters
    ----------
    number : ends the names of what is added to the model
    variance : PyTensor matrix (feature, variance), the prior variance of the mean last
    draw : from variances (feature, variance) and a generator to effects and values (feature, measurement)
    """
    import pymc as pm

    if isinstance(likelihood, BatchedStrata):
        name, form, value = "sum_of_squares", "strata", likelihood.sums_of_squares
        design = likelihood.degrees_of_freedom, likelihood.weight
        signature = "(f,k),(n),(n,k)->(f,n)"
    else:
        name, form, value = "value", "elimination", likelihood.value
        design = *likelihood.patterns, *likelihood.design
        signature = "(f,k),(s),(o),(t),(n,l),(n,b),(n),(s),(t,q,q),(t,q,m),(m,m),(t,q),(m)->(f,n)"

    def log_density(value: Any, variance: Any, *design: Any) -> Any:
        return collapsed_densities(form, variance, value, *design).sum()

    def draw_observation(variance: np.ndarray, *design: np.ndarray, rng: np.random.Generator, size: Any) -> np.ndarray:
        if form == "elimination":
            return draw(variance, rng)[1]
        freedom, weight = design
        return variance @ weight.T * rng.chisquare(freedom, (len(variance), len(freedom)))

    pm.CustomDist(
        f"{name}_{number}",
        variance,
        *(pm.Data(f"design_{number}_{place}", array) for place, array in enumerate(design)),
        logp=log_density,
        random=draw_observation,
        signature=signature,
        observed=pm.Data(f"observed_{name}_{number}", value),
    )
