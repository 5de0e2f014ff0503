"""What the command line understands of every fit: how long to sample, with which seed, and where to save it."""

import argparse
from pathlib import Path


def add_sampling(fit: argparse.ArgumentParser, *, draws: str) -> None:
    """Add the options that every model's fit has; `draws` says how many there are by default."""
    fit.add_argument("--draws", metavar="N", type=at_least_one, help=f"draws kept of each chain (default: {draws})")
    fit.add_argument(
        "--tune", metavar="N", type=at_least_one, default=1000, help="warm-up draws of each chain (default: 1000)"
    )
    fit.add_argument("--chains", metavar="N", type=at_least_one, default=4, help="chains (default: 4)")
    fit.add_argument(
        "--out", metavar="FILE", type=Path, required=True, help="file to save the fit in, such as fit.zarr.zip"
    )
    fit.add_argument(
        "--seed", metavar="N", type=at_least_zero, required=True, help="the same seed gives the same answer"
    )


def at_least_one(text: str) -> int:
    """A whole number from one."""
    return _whole(text, 1)


def at_least_zero(text: str) -> int:
    """A whole number from zero, such as a seed."""
    return _whole(text, 0)


def above_zero(text: str) -> float:
    """A number above zero."""
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not 0.0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above zero, found {text!r}")
    return number


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, found {text!r}")
    return int(text)
