"""The conversion matrix: from each source format to each target, what real runs have shown, and no more.

Evidence is one variant of one recipe as its report knows it. Everything else here follows from evidence and from the
tables of sources and kinds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

FORMAT = 1
FLOAT = 'f32'
WORKS, REFUSED, FAILED = 'works', 'refused', 'failed'
NOT_SHOWN, NO_WAY = 'not shown', 'no way'


class Edge(NamedTuple):
    """What one kind does to one format it takes."""

    kind: str
    takes: str
    gives: str


@dataclass(frozen=True)
class Evidence:
    """One variant that was run for real."""

    recipe: str
    variant: str
    formats: tuple[str, ...]
    """The source's, then what each stage gives."""

    kinds: tuple[str, ...]
    makes: tuple[str, ...]
    """By stage: the precision it gives a float model."""

    steps: tuple[str, ...]
    """Static ids, the source's first: this is evidence only as long as the plan has the same."""

    status: str
    """``works``, ``refused`` (a tool cannot do it) or ``failed``."""

    engine: str
    precision: str
    at: int | None = None
    """The stage that refused or failed."""

    words: str = ''
    """What was said then; of one that works, what bound of its recipe it breaks."""

    relative: float | None = None
    """L2 of the difference to the source model over L2 of its output, the largest over the outputs."""

    size_bytes: int | None = None
    metric: str = ''
    value: float | None = None
    against: str = ''
    """The variant that is the same without what compresses or optimizes this one."""

    size_ratio: float | None = None
    metric_change: float | None = None
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f'{self.recipe}:{self.variant}'

    @property
    def over(self) -> tuple[str, ...]:
        """The formats between the source's and the last, each once."""
        ends = (self.formats[0], self.formats[-1])
        return tuple(dict.fromkeys(one for one in self.formats[1:-1] if one not in ends))


def document(
    evidence: Sequence[Evidence], sources: Sequence[str], edges: Sequence[Edge], runs: dict[str, Any]
) -> dict[str, Any]:
    """The whole matrix as JSON: the evidence, and what follows from it for every pair of formats and every kind."""
    # what variants pass through and never end in (a tuning's database) is a part of the way, not where one goes
    passed = {format for one in evidence for format in one.formats[1:-1]} - {one.formats[-1] for one in evidence}
    targets = tuple(dict.fromkeys([*sources, *(edge.gives for edge in edges if edge.gives not in passed)]))
    return {
        'format': FORMAT,
        'sources': list(sources),
        'targets': list(targets),
        'runs': runs,
        'matrix': [cell(evidence, edges, source, target) for source in sources for target in targets],
        'kinds': [link(evidence, edge) for edge in edges],
        'optimisations': [line for edge in edges for line in optimised(evidence, edge)],
        'evidence': [asdict(one) for one in evidence],
    }


def read(entries: Iterable[dict[str, Any]]) -> list[Evidence]:
    """The evidence of a document."""
    tuples = ('formats', 'kinds', 'makes', 'steps')
    return [Evidence(**entry | {name: tuple(entry[name]) for name in tuples}) for entry in entries]


def cell(evidence: Sequence[Evidence], edges: Sequence[Edge], source: str, target: str) -> dict[str, Any]:
    """What is known of the way from one format to another: shown, refused, or only thought to be there."""
    there = [one for one in evidence if (one.formats[0], one.formats[-1]) == (source, target) and one.status == WORKS]
    refused = [one for one in evidence if one.formats[0] == source and _stopped_at(one) == target]
    best, no = min(there, key=_rank, default=None), min(refused, key=_rank, default=None)
    found: dict[str, Any] = {'source': source, 'target': target, 'status': WORKS, 'over': [], 'refused': _refusal(no)}
    if best:
        return found | {'over': list(best.over), 'by': best.name, 'kinds': list(best.kinds), 'relative': best.relative}
    way = shortest(edges, source, target)
    status = no.status if no else NO_WAY if way is None else NOT_SHOWN
    return found | {'status': status, 'over': [edge.gives for edge in way or ()][:-1], 'by': no.name if no else None,
                    'kinds': [edge.kind for edge in way or ()], 'relative': None}  # fmt: skip


def link(evidence: Sequence[Evidence], edge: Edge) -> dict[str, Any]:
    """Where a kind was shown on a format it takes, or what its tool said."""
    uses = [one for one in evidence if _place(one, edge) is not None]
    shown = min((one for one in uses if one.status == WORKS or _later(one, edge)), key=_rank, default=None)
    no = min((one for one in uses if one.at is not None and one.at == _place(one, edge)), key=_rank, default=None)
    status = WORKS if shown else no.status if no else NOT_SHOWN
    by = shown or no
    return {**edge._asdict(), 'status': status, 'by': by.name if by else None, 'refused': _refusal(no),
            'relative': shown.relative if shown and shown.status == WORKS else None}  # fmt: skip


def optimised(evidence: Sequence[Evidence], edge: Edge) -> list[dict[str, Any]]:
    """Every use of a kind to compress or optimize a model, against the variant without it."""
    lines = []
    for one in evidence:
        place = _place(one, edge)
        if place is None or one.status != WORKS or (edge.takes != edge.gives and one.makes[place] == FLOAT):
            continue
        against, size, change = one.against, one.size_ratio, one.metric_change
        if one.makes[place] == FLOAT:
            against, size, change = _gains(one, _without(evidence, one, place))
        lines.append({
            **edge._asdict(), 'makes': one.makes[place], 'by': one.name, 'against': against, 'size_ratio': size,
            'relative': one.relative, 'metric': one.metric, 'value': one.value, 'metric_change': change,
            'breaks': one.words,
        })  # fmt: skip
    return lines


def shortest(edges: Sequence[Edge], source: str, target: str) -> tuple[Edge, ...] | None:
    """The fewest kinds that lead from one format to another; () when they are one, None when nothing leads there."""
    ways: dict[str, tuple[Edge, ...]] = {source: ()}
    waiting = [source]
    for format in waiting:
        for edge in edges:
            if edge.takes == format and edge.gives not in ways:
                ways[edge.gives] = (*ways[format], edge)
                waiting.append(edge.gives)
    return ways.get(target)


def rounded(value: float | None) -> float | None:
    """Three digits: more would change with every run."""
    return None if value is None else float(f'{value:.3g}')


def _rank(one: Evidence) -> tuple[int, bool, int, bool, float]:
    """The plainest way first: fewest formats, plain floats, fewest stages, all bounds kept, nearest to the source."""
    light = any(makes != FLOAT for makes in one.makes) or one.precision != FLOAT
    return len(one.over), light, len(one.kinds), bool(one.words), math.inf if one.relative is None else one.relative


def _place(one: Evidence, edge: Edge) -> int | None:
    """The stage of a variant that takes this edge and was reached."""
    last = len(one.kinds) if one.at is None else one.at + 1
    stages = zip(one.kinds[:last], one.formats, one.formats[1:], strict=False)
    return next((place for place, stage in enumerate(stages) if stage == edge), None)


def _later(one: Evidence, edge: Edge) -> bool:
    """Whether this edge was passed before the variant came to its end at a later stage."""
    place = _place(one, edge)
    return one.at is not None and place is not None and place < one.at


def _stopped_at(one: Evidence) -> str | None:
    return None if one.at is None else one.formats[one.at + 1]


def _gains(one: Evidence, form: Evidence | None) -> tuple[str, float | None, float | None]:
    """Against the variant without the stage: its name, the ratio of sizes, the change of the metric."""
    if form is None:
        return '', None, None
    size = one.size_bytes / form.size_bytes if one.size_bytes and form.size_bytes else None
    known = one.metric == form.metric and None not in (one.value, form.value)
    change = (one.value or 0) - (form.value or 0) if known else None
    return form.variant, rounded(size), rounded(change)


def _without(evidence: Sequence[Evidence], one: Evidence, place: int) -> Evidence | None:
    rest = (*one.kinds[:place], *one.kinds[place + 1 :])
    return next((other for other in evidence if (other.recipe, other.kinds) == (one.recipe, rest)
                 and other.status == WORKS and other.formats[-1] == one.formats[-1]), None)  # fmt: skip


def _refusal(one: Evidence | None) -> dict[str, Any] | None:
    """Who was refused, after which kinds: what a tool refuses of an int8 model it may well do to a float one."""
    return {'by': one.name, 'kinds': list(one.kinds[: (one.at or 0) + 1]), 'words': one.words} if one else None
