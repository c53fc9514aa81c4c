"""What a check leaves: how far a model is from its source, and how good it is. One writer and one reader.

The reader is tolerant: what an older file lacks has its default, so a record never has to be made again to be read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Difference:
    """How far two sets of answers are apart. The figures are None where ``failure`` says why there are none."""

    max_abs: float | None
    relative: float | None
    """L2 of the difference over L2 of the source's answers, over all samples of an output: the largest output's."""

    cosine: float | None
    """The smallest output's; None also where only texts were compared."""

    failure: str | None = None
    """A sentence: an output is missing, has another shape, or is not a number where the source has one."""

    where: str = ''
    """The place of ``max_abs``: output, sample, index and both values; empty when nothing differs."""


@dataclass(frozen=True)
class Paired:
    """The same samples judged twice: the source's answers, and this model's. What a test of the two is made of."""

    samples: int
    lost: int | None = None
    """Samples that the source has right and this model wrong; None where a score is no yes or no."""

    won: int | None = None
    mean: float | None = None
    """Mean of this model's score less the source's, over samples."""

    spread: float | None = None
    """Standard deviation of these differences."""

    low: float | None = None
    """The 95 % interval of the difference, of a metric that only the whole set has: by draws of samples."""

    high: float | None = None


@dataclass(frozen=True)
class Score:
    """A metric's value, and what its 95 % interval is made of.

    A report makes the interval of ``hits`` or of ``spread``; ``low`` and ``high`` are there where neither says enough,
    and None where the metric has no interval.
    """

    name: str
    value: float
    n: int | None
    """How many answers were judged."""

    low: float | None = None
    high: float | None = None
    better: str = 'higher'
    """``higher`` or ``lower``."""

    percent: bool = False
    """Whether it is a share of the answers, written in percent."""

    hits: int | None = None
    """Of ``n`` independent answers, those that are right."""

    samples: int | None = None
    """How many samples the answers are of, where a sample has several or a score of its own."""

    spread: float | None = None
    """Standard deviation of the samples' own scores."""

    paired: Paired | None = None
    """Against the source on the same samples; None: of the source itself, or not known."""


@dataclass(frozen=True)
class Check:
    """The figures of one check."""

    difference: Difference | None = None
    """None: of the source itself, or nothing was run."""

    metric: Score | None = None
    agreement: Score | None = None
    samples: int = 0
    foreign: str = ''
    """The other machine that the model is for, in words; empty: this one."""

    precision: str = ''
    """What the model computes in, as its file says; empty: not recorded."""

    contract: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What the model takes and gives, as it was seen when it ran, in JSON values."""


def check_json(check: Check) -> str:
    """Return ``check`` as the text of ``check.json``: equal checks are equal bytes, and no NaN is in it."""
    return json.dumps(_finite(asdict(check)), indent=1, ensure_ascii=False, allow_nan=False) + '\n'


def read_check(text: str | bytes) -> Check:
    """Return the check that ``check_json`` wrote, now or in an older version."""
    return check_of(json.loads(text))


def check_of(read: Mapping[str, Any]) -> Check:
    """Return a check from its JSON values."""
    ports = {role: read[role] for role in ('inputs', 'outputs') if read.get(role)}
    return Check(
        difference=difference_of(read.get('difference')),
        metric=score_of(read.get('metric')),
        agreement=score_of(read.get('agreement')),
        samples=int(read.get('samples') or 0),
        foreign=str(read.get('foreign') or read.get('elsewhere') or ''),
        precision=str(read.get('precision') or ''),
        contract=dict(read.get('contract') or ports),
    )


def difference_of(read: Mapping[str, Any] | None) -> Difference | None:
    """Return a difference from its JSON values."""
    if not read:
        return None
    return Difference(
        max_abs=read.get('max_abs'),
        relative=read.get('relative'),
        cosine=read.get('cosine'),
        failure=read.get('failure') or None,
        where=str(read.get('where') or ''),
    )


def score_of(read: Mapping[str, Any] | None) -> Score | None:
    """Return a score from its JSON values; None where it has no value."""
    if not read or read.get('value') is None:
        return None
    name = str(read.get('name') or 'metric')
    return Score(
        name=name,
        value=float(read['value']),
        n=read.get('n'),
        low=read.get('low'),
        high=read.get('high'),
        better=str(read.get('better') or 'higher'),
        # older records do not say it: these two were the only shares
        percent=bool(read.get('percent', name in ('top1', 'agreement'))),
        **{field: read.get(field) for field in ('hits', 'samples', 'spread')},
        paired=paired_of(read.get('paired')),
    )


def paired_of(read: Mapping[str, Any] | None) -> Paired | None:
    """Return a pairing from its JSON values."""
    if not read or not read.get('samples'):
        return None
    return Paired(read['samples'], *(read.get(field) for field in ('lost', 'won', 'mean', 'spread', 'low', 'high')))


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: None stands for them."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
