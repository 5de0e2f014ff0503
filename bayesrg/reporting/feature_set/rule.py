"""The rule by which a list of features is kept or removed."""

from collections.abc import Sequence
from dataclasses import dataclass

# Asked together where the design has them. The overall ICC is not among them: its signal is the smallest and its error
# the largest, so wherever it exceeds a threshold all others do, and a joint rule that named it would be about it alone.
ASKED = ("repeatability", "reproducibility", "robustness")


@dataclass(frozen=True)
class SelectionRule:
    """Keep a feature if every intraclass correlation asked for exceeds the threshold with enough probability.

    Parameters
    ----------
    threshold : ICC to be exceeded; None takes the first threshold of the fit
    probability : joint posterior probability that is required
    conditions : which ICCs; none named takes repeatability, reproducibility and robustness as far as the design has
        them (the overall ICC where it has none of them)

    Raises
    ------
    TypeError
        For numbers that are no probability, or no ICC.
    """

    threshold: float | None = None
    probability: float = 0.8
    conditions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no rule can be."""
        if not 0.0 < self.probability <= 1.0:
            raise TypeError(f"probability is above 0 and at most 1; got {self.probability!r}")
        if self.threshold is not None and not 0.0 < self.threshold < 1.0:
            raise TypeError(f"threshold is an ICC between 0 and 1; got {self.threshold!r}")
        if not isinstance(self.conditions, tuple):
            raise TypeError(f"conditions are names in a tuple, such as ('overall',); got {self.conditions!r}")

    def thresholds(self, available: Sequence[str], first: float) -> dict[str, float]:
        """Condition -> the ICC to be exceeded, for a fit with these conditions and this first threshold."""
        chosen = self.conditions or [name for name in ASKED if name in available] or list(available)
        return dict.fromkeys(chosen, first if self.threshold is None else self.threshold)
