"""The classical companion of an association: the tests and estimates that papers print, from libraries they use."""

from bayesrg.models.classical.companions import classical_companions

__all__ = ["classical_companions"]
