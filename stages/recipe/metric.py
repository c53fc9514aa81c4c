"""How answers are judged: ``metric`` of ``evaluate``, one word or a mapping that says what it depends on.

    metric: top1                                             # the only axis longer than 1 holds the classes
    metric: {of: top1, axis: 0}                              # classes first: counted in one sample's output
    metric: {of: top1, threshold: 0.5}                       # one column: above is class 1
    metric: models/x.py:error                                # a function of your own; more is better
    metric: {of: models/x.py:error, better: lower, range: [0, 10]}
    metric: {of: psnr, peak: 255}                            # another judge of ours, and what it has to know

``max_drop`` and ``accuracy_drop`` are in the metric's own units: shares (0.01 is one point of a hundred) for top1 and
agreement, whatever the function returns for one of your own. What drops is how good it is: with ``better: lower``, a
figure that rises.
"""

from __future__ import annotations

from typing import Final

from stages.judges import JUDGES
from stages.recipe import entries
from stages.recipe.fetch import Reader, read_python
from stages.recipe.mistakes import Mistakes, shown
from stages.recipe.model import METRICS, Metric, Python
from stages.recipe.params import read_params
from stages.recipe.strict_yaml import Key, Node

KEYS: Final = ('of', 'axis', 'threshold', 'better', 'range')
BETTER: Final = ('higher', 'lower')
UNBOUNDED: Final = 1e9
"""The largest drop of a metric whose range is not known."""

Keyed = dict[Key, Node]


def read_metric(node: Node, what: str, reader: Reader) -> Metric | None:
    """Return the metric; None when it is wrong."""
    if not isinstance(node.value, dict):
        name, python = _read_of(node, what, reader)
        if name and name not in METRICS and not python:
            return _judged(name, {}, node, what, reader.mistakes)
        return Metric(name, python=python) if name else None
    mistakes, before = reader.mistakes, len(reader.mistakes)
    of = next((below.value for key, below in node.value.items() if key == 'of'), None)
    ours = isinstance(of, str) and of not in METRICS and '.py' not in of and of in JUDGES
    keyed = entries.mapping(node, what, mistakes, None if ours else KEYS, ('of',)) or {}
    given = {str(key): below for key, below in keyed.items()}
    if 'of' not in given:
        return None
    name, python = _read_of(given['of'], f'`of` of {what}', reader)
    if name and name not in METRICS and not python:
        return _judged(name, {key: below for key, below in node.value.items() if key != 'of'}, node, what, mistakes)
    if name:
        _fit(name, python, keyed, what, mistakes)
    axis = entries.typed(given['axis'], int, f'`axis` of {what}', mistakes) if 'axis' in given else None
    threshold = (
        entries.share(given['threshold'], f'`threshold` of {what}', mistakes, -UNBOUNDED, UNBOUNDED)
        if 'threshold' in given
        else None
    )
    better = entries.word(given['better'], BETTER, f'`better` of {what}', mistakes) if 'better' in given else 'higher'
    range_ = _read_range(given['range'], f'`range` of {what}', mistakes) if 'range' in given else None
    if len(mistakes) > before or name is None or better is None:
        return None
    return Metric(name, axis, threshold, better, range_, python)


def largest_drop(metric: Metric | None) -> float:
    """Return the most that can be lost of a metric, so that a bound above it bounds nothing."""
    if metric is None:  # wrong itself, and reported
        return UNBOUNDED
    if metric.of in METRICS and metric.python is None:
        return 1.0
    return metric.range[1] - metric.range[0] if metric.range else UNBOUNDED


def _read_of(node: Node, what: str, reader: Reader) -> tuple[str | None, Python | None]:
    """Return a metric of ours, or the name of a function below recipes/models/ and where it is."""
    if isinstance(node.value, str) and '.py' in node.value:
        python = read_python(node, what, reader)
        return (python.function, python) if python else (None, None)
    return entries.word(node, (*METRICS, *JUDGES), what, reader.mistakes), None


def _judged(name: str, given: Keyed, at: Node, what: str, mistakes: Mistakes) -> Metric | None:
    """Return a metric of a judge's, with what it has to know."""
    judge = JUDGES[name]
    options = read_params(judge.Params, given, at, f'{what} ({name})', mistakes, also=('of',))
    return None if options is None else Metric(name, better=judge.BETTER, range=judge.RANGE, options=options)


def _fit(name: str, python: Python | None, keyed: Keyed, what: str, mistakes: Mistakes) -> None:
    """Complain of keys that mean nothing for this metric."""
    for key in keyed:
        if python and key in ('axis', 'threshold'):
            mistakes.add(key, f'`{key}` of {what} goes with {" and ".join(METRICS)}; a function finds its own classes')
        if not python and key in ('better', 'range'):
            mistakes.add(key, f'`{key}` of {what} goes with a function of your own; {name} is a share, more is better')
    if not python and {'axis', 'threshold'} <= {str(key) for key in keyed}:
        at = next(key for key in keyed if key == 'threshold')
        mistakes.add(at, f'{what} has both `axis` and `threshold`; a threshold is for outputs without a class axis')


def _read_range(node: Node, what: str, mistakes: Mistakes) -> tuple[float, float] | None:
    ends = node.value if isinstance(node.value, list) else []
    values = [below.value for below in ends]
    numbers = [float(value) for value in values if type(value) in (int, float) and abs(value) <= UNBOUNDED]
    if len(values) != 2 or len(numbers) != 2 or not numbers[0] < numbers[1]:
        mistakes.add(node, f'{what} is {shown(node.value)}; expected the least and the largest value, like [0, 1]')
        return None
    return numbers[0], numbers[1]
