"""``python -m bayesrg`` is the same command line as ``bayesrg``."""

import sys

from bayesrg.cli import main

if __name__ == "__main__":
    sys.exit(main())
