"""Writing files so that they are whole or absent, whatever interrupts the writer."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Give a path to write to, and move what was written there to ``path`` when the block ends without an error.

    The file is written beside its place, so that the move is one step; its folder is made if it is not there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}.unfinished")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
