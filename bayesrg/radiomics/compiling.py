"""A word to the user while kernels are compiled, which happens once on a machine: numba keeps the result on disk."""

import sys
from functools import cache

from numba.core import event


@cache
def announce_compilation() -> None:
    """From now on, say so on standard error when kernels of this package are compiled; again, it changes nothing."""
    event.register("numba:compile", _Announcer())


class _Announcer(event.Listener):
    """Writes a line when the first kernel of a module is compiled; numba is silent where it finds one on disk."""

    def __init__(self) -> None:
        self._announced: set[str] = set()

    def on_start(self, event: event.Event) -> None:
        module = event.data["dispatcher"].py_func.__module__ if event.data else ""
        if module.startswith("bayesrg.radiomics.") and module not in self._announced:
            self._announced.add(module)
            what = module.rsplit(".", 1)[1].replace("_", " ")
            print(f"bayesrg: compiling {what} (seconds, once on this machine)", file=sys.stderr, flush=True)

    def on_end(self, event: event.Event) -> None:
        pass
