"""The whole chain on simulated lesions whose answer is known: images, features, fit, report, posterior beside truth."""

from bayesrg.demo.chain import FEATURE, LEVELS, SEED, Demonstration, demonstrate
from bayesrg.demo.comparison import compare_with_truth

__all__ = ["FEATURE", "LEVELS", "SEED", "Demonstration", "compare_with_truth", "demonstrate"]
