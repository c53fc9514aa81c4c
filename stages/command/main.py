"""``modelkiln``: what is known about recipes and artifacts. Building itself is ``doit``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from stages import __version__, copies
from stages.errors import ModelkilnError, RecipeError, StepError
from stages.store.modes import decide_modes
from stages.terminal import aside, complain, indented, only_plain

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
    'completion',
    'repeat',
    'gc',
    'du',
    'push',
    'pull',
    'rollback',
    'export',
)
"""In the order of the help; each is a file of this room. Only the one that is asked for is loaded."""

FIRST = """\
Modelkiln turns a trained model into what serves it best on this CPU, and says why.

  1  modelkiln new PROJECT --from MODEL --data FOLDER    a project with one recipe, read from the model's file
  2  cd PROJECT && doit                                  build every variant, check it, measure it, write the report
  3  artifacts/RECIPE/report.html                        what to ship, how fast, how good, and what failed
     artifacts/RECIPE/best                               its name; the folder of that name is what to deploy

In a project:  modelkiln list       what there is              modelkiln plan    what doit would do, and why
               modelkiln check      what is wrong in recipes   modelkiln doctor  what is missing, and the one command
               modelkiln why NAME   why it is not current      modelkiln report  the last report, here

Every command: modelkiln --help.  Names that complete: modelkiln completion bash (zsh, fish).
"""

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
    if not given:
        print(FIRST, end='')
        return 0
    if given[0][0:1] not in ('-', '') and given[0] not in COMMANDS:
        from stages.recipe.mistakes import suggest  # here, as below: a deployment that pulls pays for each import

        near = suggest(given[0], COMMANDS)
        complain(f'modelkiln: there is no command {given[0]!r}; modelkiln --help lists them{near}')
        return RecipeError.exit_code
    verb = given[:1] if given[:1] and given[0] in COMMANDS else COMMANDS
    asked = parser(verb).parse_args(given)
    decide_modes(Path.cwd())
    if said := copies.warning(Path.cwd()):
        complain(said)
    try:
        with only_plain(), aside(getattr(asked, 'json', False)):
            code: int = asked.run(asked)
    except RecipeError as error:
        complain('\n'.join(indented(problem) for problem in error.problems))
        return error.exit_code
    except ModelkilnError as error:
        complain(str(error))
        return error.exit_code
    except BrokenPipeError:  # whoever read it has seen enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        from stages.store.disk import told

        complain(told(error, Path.cwd()))
        return StepError.exit_code
    except KeyboardInterrupt:
        import signal

        complain('modelkiln: stopped')
        return 128 + signal.SIGINT
    return code


if __name__ == '__main__':
    raise SystemExit(main())
