"""``modelkiln``: what is known about recipes and artifacts. Building itself is ``doit``."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from stages import __version__, copies
from stages.errors import ModelkilnError, RecipeError, StepError
from stages.store.disk import told
from stages.store.modes import decide_modes
from stages.terminal import complain, indented, only_plain

COMMANDS: Final = (
    'new',
    'inspect',
    'list',
    'check',
    'plan',
    'why',
    'bisect',
    'kinds',
    'schema',
    'digest',
    'verify',
    'doctor',
    'report',
    'compare',
    'run',
    'conversions',
    'repeat',
    'gc',
    'du',
    'push',
    'pull',
    'rollback',
    'export',
)
"""In the order of the help; each is a file of this room. Only the one that is asked for is loaded."""

EPILOG = """\
Building is doit's:
  doit                 build, measure and report every recipe
  doit NAME            one recipe           doit NAME:VARIANT    one variant of it
  doit list --all      what there is        doit clean           empty artifacts/
  doit -n 2            two steps at a time

Exit codes: 0 all right, 2 a recipe is wrong, 3 a tool is missing, 4 a step failed,
5 a result breaks its promise, 6 a digest or signature differs, 7 a registry fails, 70 a bug of ours.
"""


def parser(commands: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the command line, every verb of ``commands`` with its help."""
    top = argparse.ArgumentParser(
        prog='modelkiln', description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument('--version', action='version', version=f'modelkiln {__version__}')
    verbs = top.add_subparsers(dest='verb', metavar='COMMAND', required=True)
    for name in commands:
        module = importlib.import_module(f'stages.command.{name}')
        text = (module.__doc__ or '').strip()
        verb = verbs.add_parser(
            name, help=text.splitlines()[0], description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.arguments(verb)
        verb.set_defaults(run=module.run)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. An expected error is one message, never a traceback."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    verb = given[:1] if given[:1] and given[0] in COMMANDS else COMMANDS
    asked = parser(verb).parse_args(given)
    decide_modes(Path.cwd())
    if said := copies.warning(Path.cwd()):
        complain(said)
    try:
        with only_plain():
            code: int = asked.run(asked)
    except RecipeError as error:
        complain('\n'.join(indented(problem) for problem in error.problems))
        return error.exit_code
    except ModelkilnError as error:
        complain(str(error))
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        complain(told(error, Path.cwd()))
        return StepError.exit_code
    except KeyboardInterrupt:
        complain('modelkiln: stopped')
        return 128 + signal.SIGINT
    return code


if __name__ == '__main__':
    raise SystemExit(main())
