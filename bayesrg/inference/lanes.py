"""Numbers for numba kernels that hold one value in each of eight lanes: arithmetic on eight small problems at once.

Numba leaves loops over eight numbers scalar (it switches LLVM's vectoriser of straight-line code off), so a kernel
that factorises eight small matrices side by side would take four times as long. Values of the type `Lanes` are LLVM
vectors: `load` takes one from a row of a C-contiguous array of shape (row, `LANES`), `store` puts it back, and in
between it has the arithmetic of a number. On processors without registers of that width LLVM splits it.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import types
from numba.core.typing import templates
from numba.core.typing.templates import ConcreteTemplate, signature
from numba.extending import models, register_model

LANES = 8
# Untyped: kernels call an intrinsic without the typing context, which is its first parameter.
intrinsic: Any = extending.intrinsic
lower_builtin: Any = extending.lower_builtin
infer_global: Any = templates.infer_global
_VECTOR: Any = ir.VectorType(ir.DoubleType(), LANES)
_BITS: Any = ir.VectorType(ir.IntType(64), LANES)
# Products and sums may be fused: the only liberty taken.
_FUSED = ("contract",)
_FRACTION_BITS, _EXPONENT_OF_ONE = 52, 1023  # IEEE 754, binary64


class Lanes(types.Type):
    """Numba's type of a value in each lane."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


lanes_type = Lanes()


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):
    """Lanes are one LLVM vector."""

    def __init__(self, manager: Any, numba_type: Lanes) -> None:
        super().__init__(manager, numba_type, _VECTOR)


def _address(context: Any, builder: Any, array_type: Any, array: Any, row: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(builder.bitcast(data, _VECTOR.as_pointer()), [row])


def _constant(kind: Any, number: float) -> Any:
    return ir.Constant(kind, [number] * LANES)


@intrinsic
def load(_: Any, array: Any, row: Any) -> Any:
    """Lanes of one row of an array, shape (row, `LANES`), C-contiguous; the row is not checked."""

    def generate(context: Any, builder: Any, types_of: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, types_of.args[0], *arguments), align=8)

    return lanes_type(array, types.intp), generate


@intrinsic
def store(_: Any, array: Any, row: Any, value: Any) -> Any:
    """Write lanes to one row of an array, shape (row, `LANES`), C-contiguous; the row is not checked."""

    def generate(context: Any, builder: Any, types_of: Any, arguments: Any) -> Any:
        array, row, value = arguments
        builder.store(value, _address(context, builder, types_of.args[0], array, row), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes_type), generate


@intrinsic
def fill(_: Any, number: Any) -> Any:
    """Lanes that all hold one number."""

    def generate(context: Any, builder: Any, types_of: Any, arguments: Any) -> Any:
        single = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), arguments[0], ir.IntType(32)(0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return builder.shuffle_vector(single, ir.Constant(_VECTOR, ir.Undefined), everywhere)

    return lanes_type(types.float64), generate


@intrinsic
def square_root(_: Any, value: Any) -> Any:
    """Square root in each lane."""

    def generate(context: Any, builder: Any, types_of: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_VECTOR, [_VECTOR])
        root = builder.module.globals.get(f"llvm.sqrt.v{LANES}f64") or ir.Function(
            builder.module, kind, f"llvm.sqrt.v{LANES}f64"
        )
        return builder.call(root, arguments)

    return lanes_type(lanes_type), generate


@intrinsic
def significand(_: Any, value: Any) -> Any:
    """The factor in [1, 2) of each positive normal number: value = significand * 2 ** exponent."""

    def generate(context: Any, builder: Any, types_of: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], _BITS)
        fraction = builder.and_(bits, _constant(_BITS, (1 << _FRACTION_BITS) - 1))
        return builder.bitcast(builder.or_(fraction, _constant(_BITS, _EXPONENT_OF_ONE << _FRACTION_BITS)), _VECTOR)

    return lanes_type(lanes_type), generate


@intrinsic
def exponent(_: Any, value: Any) -> Any:
    """The power of two of each positive normal number: value = significand * 2 ** exponent."""

    def generate(context: Any, builder: Any, types_of: Any, arguments: Any) -> Any:
        bits = builder.lshr(builder.bitcast(arguments[0], _BITS), _constant(_BITS, _FRACTION_BITS))
        return builder.sitofp(builder.sub(bits, _constant(_BITS, _EXPONENT_OF_ONE)), _VECTOR)

    return lanes_type(lanes_type), generate


@intrinsic
def larger(_: Any, left: Any, right: Any) -> Any:
    """The larger of two values in each lane; where the left one is NaN, NaN."""

    def generate(context: Any, builder: Any, types_of: Any, arguments: Any) -> Any:
        left, right = arguments
        return builder.select(builder.fcmp_ordered("<", left, right), right, left)

    return lanes_type(lanes_type, lanes_type), generate


def _give_arithmetic(symbol: Callable[[Any, Any], Any], instruction: str) -> None:
    """Teach numba one operator between lanes."""

    class Arithmetic(ConcreteTemplate):
        key = symbol
        cases = [signature(lanes_type, lanes_type, lanes_type)]  # noqa: RUF012 (numba reads class attributes)

    def generate(context: Any, builder: Any, types_of: Any, arguments: Any) -> Any:
        return getattr(builder, instruction)(*arguments, flags=_FUSED)

    infer_global(symbol)(Arithmetic)
    lower_builtin(symbol, Lanes, Lanes)(generate)


for _symbol, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _give_arithmetic(_symbol, _instruction)
