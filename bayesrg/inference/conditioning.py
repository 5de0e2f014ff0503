"""Standardised coordinates of members of a hierarchy, by conditioning on a normal approximation of their likelihoods.

Member k has coordinates theta_k with the prior Normal(centre, spread²); its data say about Normal(anchor_k, P_k^-1).
Were that exact, theta_k given the hierarchy would be normal, of precision Lambda_k = diag(1 / spread²) + P_k = L L',
and

    z_k = L' (theta_k - Lambda_k^-1 (centre / spread² + P_k anchor_k))

standard normal whatever the hierarchy is: neither the funnel of small spreads nor correlations between coordinates are
left for the sampler. It moves in z, a change of variables with an exact Jacobian, however rough the approximation is.
(Centring and non-centring are its limits: Papaspiliopoulos, Roberts & Sköld 2007, doi:10.1214/088342307000000014.)
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


@numba.njit(cache=True)
def _factorise(matrix):
    """Lower Cholesky factor."""
    n = matrix.shape[0]
    factor = np.zeros((n, n))
    for row in range(n):
        for column in range(row + 1):
            total = matrix[row, column]
            for inner in range(column):
                total -= factor[row, inner] * factor[column, inner]
            factor[row, column] = np.sqrt(total) if row == column else total / factor[column, column]
    return factor


@numba.njit(cache=True)
def _solve(factor, vector):
    """L^-1 vector."""
    out = np.empty(vector.size)
    for row in range(vector.size):
        total = vector[row]
        for inner in range(row):
            total -= factor[row, inner] * out[inner]
        out[row] = total / factor[row, row]
    return out


@numba.njit(cache=True)
def _solve_transposed(factor, vector):
    """L'^-1 vector."""
    out = np.empty(vector.size)
    for row in range(vector.size - 1, -1, -1):
        total = vector[row]
        for inner in range(row + 1, vector.size):
            total -= factor[inner, row] * out[inner]
        out[row] = total / factor[row, row]
    return out


@numba.njit(cache=True)
def place_members(z, centre, spread, anchor, precision):
    """Coordinates theta of members at z, and the log determinant of d theta / d z of each.

    Parameters
    ----------
    z, centre, spread, anchor : ndarray, shape (member, coordinate)
    precision : ndarray, shape (member, coordinate, coordinate)
    """
    theta, log_volume = np.empty(z.shape), np.zeros(len(z))
    for member in range(len(z)):
        prior = spread[member] ** -2.0
        factor = _factorise(precision[member] + np.diag(prior))
        said = prior * centre[member]
        for row in range(said.size):
            for column in range(said.size):
                said[row] += precision[member, row, column] * anchor[member, column]
        theta[member] = _solve_transposed(factor, _solve(factor, said) + z[member])
        for row in range(said.size):
            log_volume[member] -= np.log(factor[row, row])
    return theta, log_volume


@numba.njit(cache=True)
def pull_back(z, centre, spread, anchor, precision, theta, slope, slope_of_volume):
    """Gradients in z, centre and spread, given those in theta and in the log volume.

    With u = L^-1 b and theta = L'^-1 (u + z), differentials give the gradient in L, and Smith's rule (1995,
    doi:10.1080/10618600.1995.10474671) that in the diagonal of Lambda.
    """
    of_z, of_centre, of_spread = np.empty(z.shape), np.empty(z.shape), np.empty(z.shape)
    n = z.shape[1]
    of_factor, product, diagonal = np.zeros((n, n)), np.zeros((n, n)), np.empty(n)
    for member in range(len(z)):
        prior = spread[member] ** -2.0
        factor = _factorise(precision[member] + np.diag(prior))
        u = np.zeros(n)  # L' theta - z
        for row in range(n):
            u[row] = -z[member, row]
            for inner in range(row, n):
                u[row] += factor[inner, row] * theta[member, inner]
        of_z[member] = _solve(factor, slope[member])
        of_said = _solve_transposed(factor, of_z[member])
        for row in range(n):
            for column in range(row + 1):
                of_factor[row, column] = -theta[member, row] * of_z[member, column] - of_said[row] * u[column]
            of_factor[row, row] -= slope_of_volume[member] / factor[row, row]
        # The lower half of L' (d / d L), its diagonal halved, between L'^-1 and L^-1.
        for row in range(n):
            for column in range(row + 1):
                total = 0.0
                for inner in range(row, n):
                    total += factor[inner, row] * of_factor[inner, column]
                product[row, column] = 0.5 * total if row == column else total
        for column in range(n):
            unit = np.zeros(n)
            unit[column] = 1.0
            inverse = _solve(factor, unit)
            total = 0.0
            for row in range(n):
                for inner in range(row + 1):
                    total += inverse[row] * product[row, inner] * inverse[inner]
            diagonal[column] = total
        of_prior = diagonal + of_said * centre[member]
        of_centre[member] = of_said * prior
        of_spread[member] = -2.0 * of_prior * prior / spread[member]
    return of_z, of_centre, of_spread


class _NumbaOp(Op):
    """An operation that one numba kernel computes, for PyTensor's Python and numba backends."""

    __props__ = ()
    kernel: Any

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """Evaluate in Python."""
        for storage, output in zip(output_storage, type(self).kernel(*inputs), strict=True):
            storage[0] = output


class PlaceMembers(_NumbaOp):
    """`place_members`, with its gradient in z, centre and spread."""

    kernel = staticmethod(place_members)

    def make_node(self, *inputs: Any) -> Apply:
        """Return the node: coordinates (member, coordinate) and log volumes (member,)."""
        return Apply(self, [pt.as_tensor(array) for array in inputs], [pt.dmatrix(), pt.dvector()])

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """The anchors and their precisions are data."""
        return [[number < 3, number < 3] for number in range(len(node.inputs))]

    def pullback(self, inputs: Sequence[Any], outputs: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        """Gradients by `pull_back`."""
        slopes = [
            pt.zeros_like(output) if isinstance(slope.type, DisconnectedType) else slope
            for output, slope in zip(outputs, cotangents, strict=True)
        ]
        found = PullBack().make_node(*inputs, outputs[0], *slopes).outputs
        return [*found, DisconnectedType()(), DisconnectedType()()]

    def L_op(self, inputs: Sequence[Any], outputs: Sequence[Any], output_grads: Sequence[Any]) -> list[Any]:
        """Gradients under the name that PyTensor calls them by."""
        return self.pullback(inputs, outputs, output_grads)


class PullBack(_NumbaOp):
    """`pull_back`."""

    kernel = staticmethod(pull_back)

    def make_node(self, *inputs: Any) -> Apply:
        """Return the node: gradients (member, coordinate) in z, centre and spread."""
        return Apply(self, [pt.as_tensor(array) for array in inputs], [pt.dmatrix(), pt.dmatrix(), pt.dmatrix()])


@register_funcify_default_op_cache_key(_NumbaOp)
def _compile(op: _NumbaOp, node: Apply, **_: Any) -> Any:
    kernel = type(op).kernel

    @numba_njit
    def compiled(*inputs):
        return kernel(*inputs)

    # PyTensor keeps the compiled function on disk: another kernel needs another key.
    return compiled, int.from_bytes(hashlib.sha256(Path(__file__).read_bytes()).digest()[:8])


def place(z: Any, centre: Any, spread: Any, anchor: Any, precision: Any) -> tuple[Any, Any]:
    """Coordinates (member, coordinate) and log volumes (member,) as PyTensor variables: see `place_members`."""
    theta, log_volume = PlaceMembers().make_node(z, centre, spread, anchor, precision).outputs
    return theta, log_volume
