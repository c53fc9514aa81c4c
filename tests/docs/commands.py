"""The commands that a page names: those to be typed, in blocks of shell, and those that are only mentioned."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from doit.cmd_run import Run
from doit.cmdparse import CmdOption, CmdParse, CmdParseError

from stages.command.main import COMMANDS, parser
from stages.front.run import with_level
from tests.docs.console import FENCE

PROGRAMS = ('modelkiln', 'doit')
SHELL = ('sh', 'bash', 'console', 'shell')
INLINE = re.compile(r'`((?:modelkiln|doit)(?: [^`]+)?)`')
DOITS = ('list', 'clean', 'help', 'info')
"""doit's own commands that our pages name."""

PLACE = re.compile(r'[A-Z]+(?::[A-Z]+|@[0-9])?|…')
"""A word that stands for another one."""


@dataclass(frozen=True)
class Named:
    """A command, and whether a reader is to type it as it stands."""

    line: str
    typed: bool


def commands(page: str) -> Iterator[Named]:
    """Give every command of ours that a page names, each once."""
    found: dict[Named, None] = {}
    for block in FENCE.finditer(page):
        if block['info'].strip() in SHELL:
            body = block['body'].replace('\\\n', ' ')
            found.update((Named(line, True), None) for text in body.splitlines() for line in _ours(text))
    rest = FENCE.sub('', page)
    found.update((Named(line, False), None) for text in INLINE.findall(rest) for line in _ours(text))
    yield from found


def wrong(named: Named) -> str:
    """Return what is wrong with a command, as its program says it; empty where it could be typed."""
    words = shlex.split(re.sub(r'\[([^\]]*)\]', r'\1', named.line).replace('…', 'WORD'), comments=True)
    program, *rest = words
    said = _of_doit(rest) if program == 'doit' else _of_modelkiln(rest)
    if not named.typed and ('are required' in said or 'expected one argument' in said):  # a mention is no whole line
        return ''
    choice = re.search(r"invalid \S*(?: choice| value)?:? ?'([^']+)'", said)
    return '' if choice and PLACE.fullmatch(choice[1]) else said


def _ours(text: str) -> Iterator[str]:
    """Give the parts of a line of shell that call a program of ours."""
    for part in re.split(r'&&|\|\||[|;]|(?<= )> ', text.strip().removeprefix('$ ')):
        line = re.sub(r'^(?:\w+=\S+ +)+', '', part.strip())
        if line.split(' ')[0] in PROGRAMS:
            yield re.sub(r'\s>>?\s.*$', '', line)


class _Refused(Exception):
    """What argparse says instead of leaving."""


def _of_modelkiln(words: list[str]) -> str:
    if not words:
        return ''
    if words[0] not in (*COMMANDS, '--help', '--version'):
        return f'there is no command {words[0]}'

    def refuse(message: str) -> None:
        raise _Refused(message)

    top = parser(words[:1] if words[0] in COMMANDS else COMMANDS)
    verbs = next(action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    for each in (top, *verbs.choices.values()):
        each.error = refuse  # type: ignore[method-assign]
    try:
        top.parse_args(words)
    except _Refused as refused:
        return str(refused)
    except SystemExit:  # --help, --version
        pass
    return ''


def _of_doit(words: list[str]) -> str:
    if words[:1] and words[0] in DOITS:
        return ''
    options = [CmdOption(option) for option in (*Run.base_options, *Run.cmd_options)]
    try:
        CmdParse(options).parse(with_level(words))
    except CmdParseError as error:
        return str(error)
    return ''
