"""The errors that bayesrg raises: each says what is wrong, what was expected, and how to mend it."""

from collections.abc import Callable, Iterable
from typing import Any

MOST_LISTED = 5
"""Offenders that a message names; it counts the others."""


class BayesrgError(Exception):
    """Anything that a user can mend; the command line prints it as one readable line."""


class ImageError(BayesrgError):
    """An image or mask could not be read, or holds what an image cannot hold."""


class GeometryError(ImageError):
    """An image and its mask do not share size, spacing, origin and direction."""


class RegionError(BayesrgError):
    """A region of interest is empty, absent, or has no value where a feature needs one."""


class SettingsError(BayesrgError):
    """A setting is unknown, of the wrong type, or out of range."""


class TableError(BayesrgError):
    """A table lacks a column, or a row holds what it must not."""


class DesignError(BayesrgError):
    """A study design cannot tell apart what it was asked to tell apart."""


class FitError(BayesrgError):
    """A fit, or a saved fit, is not what it should be."""


class DataNotFoundError(BayesrgError):
    """A data set is neither on this machine nor to be had from its origin."""


def list_some(labels: Iterable[Any], *, show: Callable[[Any], str] = str, between: str = ", ") -> str:
    """Return the first labels for a message, and how many more there are.

    Parameters
    ----------
    labels
        What is wrong, in the order in which it is met.
    show
        Makes the text of one; the labels that are only counted are not shown.
    between
        What stands between two.

    Examples
    --------
    >>> list_some(range(7))
    '0, 1, 2, 3, 4 and 2 more'
    """
    listed = list(labels)
    more = len(listed) - MOST_LISTED
    return between.join(map(show, listed[:MOST_LISTED])) + (f" and {more:,} more" if more > 0 else "")
