"""What every command shares: exit codes, a word to the user, and a look at where the result is to go."""

import sys
import tempfile
from pathlib import Path

from bayesrg.errors import BayesrgError

DONE, PARTLY, NOT_CONVERGED, NOT_COMPLIANT = 0, 3, 4, 5
"""Exit codes, as `bayesrg.cli.arguments` explains them."""

MOST_LISTED = 20
"""Lines of a list that are printed; the rest is in a file."""


def say(text: str) -> None:
    """Tell the user something on standard error."""
    print(text, file=sys.stderr, flush=True)


def check_out(out: Path, *sources: Path | None) -> None:
    """Refuse, before any work is done, a place where nothing can be written, or where what is read would be lost."""
    if out.is_dir():
        raise BayesrgError(f"{out} is a folder; name a file in it")
    for source in sources:
        if source is not None and source.exists() and out.exists() and source.samefile(out):
            raise BayesrgError(f"{out} would be written over while it is read; give another name")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as problem:
        raise BayesrgError(f"{out} cannot be written ({problem.strerror}); choose another place") from problem
