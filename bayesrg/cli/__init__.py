"""The command line: a thin face on the functions of the package.

Results go to standard output, progress and warnings to standard error. What is heavy is imported by the command that
needs it, so that ``bayesrg --help`` answers at once.
"""

import os
import sys
from collections.abc import Sequence

from bayesrg.cli import commands
from bayesrg.cli.arguments import build_parser
from bayesrg.errors import BayesrgError

FAILED, INTERRUPTED = 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, as `bayesrg.cli.arguments` lists them.

    Parameters
    ----------
    arguments
        What follows ``bayesrg`` on the command line; None takes the process's own.

    Raises
    ------
    SystemExit
        With code 2 where the command line is not understood, with 0 after ``--help`` and ``--version``.
    """
    options = build_parser().parse_args(arguments)
    try:
        code = commands.RUN[options.command](options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read the output has had enough (`| head`); Python would complain of it again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        print(f"\nbayesrg: interrupted: {commands.tell_what_is_kept(options)}", file=sys.stderr)
        return INTERRUPTED
    except BayesrgError as problem:
        message = str(problem)
    except OSError as problem:
        message = f"{problem.filename}: {problem.strerror}" if problem.filename else str(problem)
    print(f"bayesrg: error: {' '.join(message.split())}", file=sys.stderr)
    return FAILED
