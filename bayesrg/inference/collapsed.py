"""The collapsed densities as PyTensor operations, so that a PyMC model can observe them.

Each operation returns the log density and its gradient from one numba kernel; PyTensor never differentiates or
unrolls a factorisation, which keeps the compiled graph small (a few seconds instead of a minute for the same density in
PyTensor).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from bayesrg.inference.elimination import elimination_density
from bayesrg.inference.strata import strata_density


class CollapsedDensity(Op):
    """Log density of Gaussian data, and its gradient, as a function of the variances (first input)."""

    __props__ = ("form",)
    kernels = {"strata": strata_density, "elimination": elimination_density}  # noqa: RUF012 (PyTensor reads class attributes)

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
    kernel = CollapsedDensity.kernels[op.form]

    @numba_njit
    def collapsed(*inputs):
        return kernel(*inputs)

    return collapsed


def collapsed_density(form: str, variances: Any, *data: Any) -> Any:
    """Log density (a PyTensor scalar) of `data` in the given form, ``"strata"`` or ``"elimination"``."""
    density, _ = CollapsedDensity(form).make_node(variances, *data).outputs
    return density
