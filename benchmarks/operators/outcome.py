"""What became of a case in a column, and how answers are judged: by the suite's own expected outputs alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from stages.errors import StepError

PASSED: Final = 'passed'
NOTHING: Final = 'nothing to do'
NAMED: Final = 'refused, named'
REFUSED: Final = 'refused'
WRONG: Final = 'wrong'
CRASHED: Final = 'crashed'
OUTCOMES: Final = (PASSED, NOTHING, NAMED, REFUSED, WRONG, CRASHED)

RANDOM: Final = frozenset({'Bernoulli', 'RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike'})
"""Operators whose numbers are drawn: only shape and type can be compared."""


@dataclass(frozen=True)
class Outcome:
    """One cell of the table, before it is counted."""

    what: str
    words: str = ''
    """The first line of what was said, and the line below where the first ends in the name of an exception."""

    alone: str = ''
    """Of a wrong answer and a crash: what the tool without us does."""

    @property
    def ours(self) -> bool:
        """Whether this is a fault, and one that the tool alone does not have."""
        same = (PASSED, '') if self.what == CRASHED else (PASSED, CRASHED, '')
        return self.what in (WRONG, CRASHED) and self.alone in same


def failed(error: BaseException, operators: set[str], ports: set[str]) -> Outcome:
    """Return what an exception means: a refusal, which names an operator (or port) in its first line, or a crash."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [repr(error)]
    words = ' '.join(lines[:2]) if re.search(r': \w+$', lines[0]) else lines[0]
    if not isinstance(error, StepError):
        return Outcome(CRASHED, _clean(f'{type(error).__name__}: {words}'))
    if lines[0].startswith('nothing to '):
        return Outcome(NOTHING, _clean(words))
    # a tool may name an operator of the function that the case's own is made of
    known = [r'\boperators? [A-Z]\w', *(rf'(?<!\w){re.escape(name)}(?!\w)' for name in operators)]
    named = any(re.search(pattern, lines[0]) for pattern in known)
    port = any(f"the {role} '{name}'" in lines[0] for role in ('input', 'output') for name in ports)
    return Outcome(NAMED if named or port else REFUSED, _clean(words))


def judged(got: Mapping[str, Any], wanted: Mapping[str, Any], operator: str, rtol: float, atol: float) -> Outcome:
    """Return whether ``got`` is what was wanted: names, types, shapes, numbers."""
    if list(got) != list(wanted):
        return Outcome(WRONG, f'returns {", ".join(got)} for {", ".join(wanted)}')
    for name, want in wanted.items():
        if words := differs(got[name], want, operator in RANDOM, rtol, atol):
            return Outcome(WRONG, f'{name}: {words}')
    return Outcome(PASSED)


def differs(got: Any, want: Any, drawn: bool, rtol: float, atol: float) -> str:
    """Return in what an answer differs from the one expected; empty when it does not."""
    if not isinstance(want, np.ndarray):
        return '' if repr(got) == repr(want) else 'is no tensor'
    got = np.asarray(got)
    if got.shape != want.shape:
        return f'shape {list(got.shape)} for {list(want.shape)}'
    if want.dtype.kind in 'OSTU':
        same = got.astype(str).tolist() == want.astype(str).tolist()
        return '' if same else 'other text'
    if got.dtype != want.dtype:
        return f'{got.dtype} for {want.dtype}'
    if drawn:
        return ''
    kind = 'c16' if want.dtype.kind == 'c' else 'f8'
    one, two = got.astype(kind), want.astype(kind)
    close = np.isclose(one, two, rtol, atol, equal_nan=True)  # equal infinities are close
    if close.all():
        return ''
    with np.errstate(all='ignore'):
        apart = np.abs(one - two)[~close]
    return f'{int((~close).sum())} of {close.size} numbers, by up to {np.max(apart):.2g}'


def _clean(words: str) -> str:
    """Return ``words`` without what differs from run to run: folders, addresses, places in the tool's source."""
    words = re.sub(r'(?:/[\w.+-]+){2,}/?', '…', words)
    words = re.sub(r'0x[0-9a-f]+', '0x…', words)
    return ' '.join(words.split())[:300]
