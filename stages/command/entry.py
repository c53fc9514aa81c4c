"""Where the command begins: nothing is loaded yet, so that whoever stops it meanwhile sees no traceback."""

from __future__ import annotations

import os
import sys


def run() -> None:
    """Run ``modelkiln`` and leave with its exit code. A reader that goes away, as ``head`` does, is no error."""
    try:
        from stages.command.main import main

        code = main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        code = 0
        # what is still to be written goes nowhere, or the interpreter would complain as it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
