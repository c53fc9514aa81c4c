"""What a recipe asks of its variants: ``check``, ``benchmark`` and ``choose``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from stages.contract.port import ANY, BATCH, Port
from stages.recipe import entries
from stages.recipe.mistakes import Mistakes, listed, shown, suggest
from stages.recipe.model import Benchmark, Check, Choose, Tolerance
from stages.recipe.setting import SCENARIOS, SERVER
from stages.recipe.strict_yaml import Key, Node
from stages.recipe.units import SIZES, TIMES, amount

PRECISIONS: Final = ('f32', 'f16', 'bf16', 'int8', 'int4', 'pruned')
FIGURES: Final = ('latency', *SCENARIOS, 'peak_memory', 'size')
BOUNDS: Final = ('accuracy_drop', 'peak_memory', 'size', 'latency')
BENCHMARK: Final = (
    'cycles', 'repetitions', 'threads', 'warmup_runs', 'warmup_seconds', 'sizes', 'scenarios', 'latency_bound',
)  # fmt: skip


def read_check(node: Node, most: float | None, mistakes: Mistakes) -> Check:
    """Return what a variant must keep. ``most``: what its metric can fall by; None: it has none."""
    given = entries.mapping(node, '`check`', mistakes, ('max_drop', 'tolerance')) or {}
    max_drop, tolerance = None, {}
    for key, below in given.items():
        if key == 'max_drop':
            max_drop = _read_drop(key, below, most, mistakes)
        else:
            tolerance = _read_tolerances(below, mistakes)
    return Check(max_drop, tolerance)


def _read_drop(key: Key, node: Node, most: float | None, mistakes: Mistakes) -> float | None:
    """Return how much of the metric may be lost, in its own units."""
    if most is None:
        mistakes.add(key, f'`{key}` needs `data: {{evaluate: {{…, metric: …}}}}` to measure it')
    return entries.share(node, f'`{key}`', mistakes, most=1.0 if most is None else most)


def _read_tolerances(node: Node, mistakes: Mistakes) -> dict[str, Tolerance]:
    given = entries.mapping(node, '`tolerance`', mistakes, PRECISIONS) or {}
    return {str(key): _read_tolerance(key, below, mistakes) for key, below in given.items()}


def _read_tolerance(key: Key, node: Node, mistakes: Mistakes) -> Tolerance:
    what = f'`tolerance` of {key}'
    given = entries.mapping(node, what, mistakes, ('relative', 'cosine'))
    relative = cosine = None
    for name, below in (given or {}).items():
        if name == 'relative':
            relative = entries.share(below, f'`relative` in {what}', mistakes, most=1e6)
        else:
            cosine = entries.share(below, f'`cosine` in {what}', mistakes, least=-1.0)
    if given == {}:
        mistakes.add(node, f'{what} is empty; expected `relative`, `cosine` or both')
    return Tolerance(relative, cosine)


def read_benchmark(node: Node, dimensions: set[str] | None, mistakes: Mistakes) -> Benchmark:
    """Return the protocol's numbers. ``dimensions`` are those the inputs name, without ``batch``, or None."""
    given = entries.mapping(node, '`benchmark`', mistakes, BENCHMARK) or {}
    values: dict[str, Any] = {}
    for key, below in given.items():
        what = f'`{key}` of `benchmark`'
        if key == 'threads':
            values['threads'] = read_threads(below, what, mistakes)
        elif key == 'sizes':
            values['sizes'] = read_sizes(below, what, dimensions, mistakes)
        elif key == 'scenarios':
            values['scenarios'] = read_scenarios(below, what, mistakes)
        elif key == 'latency_bound':
            values['latency_bound'] = _read_amount(below, what, TIMES, '`50 ms`', mistakes)
        elif key == 'warmup_seconds':
            values['warmup_seconds'] = entries.share(below, what, mistakes, most=3600.0)
        else:
            least = 0 if key == 'warmup_runs' else 1
            values[str(key)] = entries.positive(below, what, mistakes, most=10**6, least=least)
    return Benchmark(**{name: value for name, value in values.items() if value is not None})


def check_bound(node: Node, benchmark: Benchmark, scenarios: set[str], mistakes: Mistakes) -> None:
    """Note where ``server`` is asked for, and nothing says in which time it has to answer."""
    if SERVER in scenarios and benchmark.latency_bound is None:
        mistakes.add(node, '`server` is asked for, but not how fast; expected `benchmark: {latency_bound: 50 ms}`')


def read_scenarios(node: Node, what: str, mistakes: Mistakes) -> tuple[str, ...] | None:
    """Return one scenario, or several, none of them twice."""
    nodes = node.value if isinstance(node.value, list) else [node]
    if not nodes:
        mistakes.add(node, f'{what} is an empty list; expected one or more of {listed(SCENARIOS)}')
    read = [entries.word(below, SCENARIOS, what, mistakes) for below in nodes]
    if len({*read}) < len(read):
        mistakes.add(node, f'{what} has a scenario twice; keep one')
    return tuple(one for one in read if one is not None) or None


def read_threads(node: Node, what: str, mistakes: Mistakes) -> tuple[int, ...] | None:
    """Return one number of threads, or several, none of them twice."""
    nodes = node.value if isinstance(node.value, list) else [node]
    if not nodes:
        mistakes.add(node, f'{what} is an empty list; expected a number of threads, or several')
    counts = [entries.positive(below, what, mistakes, most=1024) for below in nodes]
    if len({*counts}) < len(counts):
        mistakes.add(node, f'{what} has a number twice; keep one')
    return tuple(count for count in counts if count is not None) or None


def read_several_sizes(
    node: Node, what: str, dimensions: set[str] | None, mistakes: Mistakes
) -> dict[str, tuple[int, ...]]:
    """Return the sizes of each named dimension that a variant is measured at: one, or several."""
    found: dict[str, tuple[int, ...]] = {}
    for key, below in (entries.mapping(node, what, mistakes) or {}).items():
        nodes = below.value if isinstance(below.value, list) else [below]
        if not nodes:
            mistakes.add(below, f'`{key}` of {what} is an empty list; expected a size, or several')
        sizes: list[int] = []
        for one in nodes:
            before = len(mistakes)
            sizes += read_sizes(node._replace(value={key: one}), what, dimensions, mistakes).values()
            if len(mistakes) > before:  # what is wrong with the dimension is so for each of its sizes
                break
        if len({*sizes}) < len(sizes):
            mistakes.add(below, f'`{key}` of {what} has a size twice; keep one')
        found |= {str(key): tuple(sizes)} if sizes else {}
    return found


def read_sizes(node: Node, what: str, dimensions: set[str] | None, mistakes: Mistakes) -> dict[str, int]:
    """Return the size of each named dimension."""
    sizes = {}
    for key, below in (entries.mapping(node, what, mistakes) or {}).items():
        size = entries.positive(below, f'`{key}` of {what}', mistakes)
        if key == 'batch':
            mistakes.add(key, f'{what} sets `batch`; a variant sets it: `run: {{batch: 8}}`')
        elif dimensions is not None and key not in dimensions:
            has = f'they name {listed(sorted(dimensions))}' if dimensions else 'they name none'
            mistakes.add(key, f'no input has the dimension {shown(str(key))}; {has}{suggest(key, dimensions)}')
        elif size is not None:
            sizes[str(key)] = size
    return sizes


def check_sizes(
    ports: Mapping[str, Node], inputs: Sequence[Port], known: Sequence[Collection[str]], mistakes: Mistakes
) -> None:
    """Note every dimension of any size that made-up inputs would have to guess: no data shows it, no ``sizes`` say it.

    ``known`` are the dimensions that each variant, with the recipe's own, has sizes of.
    """
    for port in inputs:
        for name in dict.fromkeys(d for d in port.shape if isinstance(d, str) and d not in (BATCH, ANY[0])):
            if not known or any(name not in sizes for sizes in known):
                mistakes.add(
                    ports[port.name],
                    f'{shown(name)} of the input {port.name} may be any size, and nothing says which is served; '
                    f'write `benchmark: {{sizes: {{{name}: …}}}}`, or give `data` that shows it',
                )


def read_choose(node: Node, most: float | None, mistakes: Mistakes) -> Choose:
    """Return what the best variant is. ``most``: what the recipe's metric can fall by; None: it has none."""
    given = entries.mapping(node, '`choose`', mistakes, ('fastest', 'within', 'budget')) or {}
    fastest = Choose.fastest
    bounds: dict[str, dict[str, float]] = {'within': {}, 'budget': {}}
    for key, below in given.items():
        if key in bounds:
            bounds[str(key)] = _read_bounds(str(key), below, most, mistakes)
        elif below.value in FIGURES if isinstance(below.value, str) else False:
            fastest = below.value
        else:
            near = suggest(below.value, FIGURES)
            mistakes.add(below, f'`fastest` is {shown(below.value)}; expected one of {listed(FIGURES)}{near}')
    return Choose(fastest, bounds['within'], bounds['budget'])


def _read_bounds(what: str, node: Node, most: float | None, mistakes: Mistakes) -> dict[str, float]:
    bounds = {}
    for key, below in (entries.mapping(node, f'`{what}`', mistakes, BOUNDS) or {}).items():
        if key == 'accuracy_drop':
            bound = _read_drop(key, below, most, mistakes)
        elif key == 'latency':
            bound = _read_amount(below, '`latency`', TIMES, '`5 ms`', mistakes)
        else:
            bound = _read_amount(below, f'`{key}`', SIZES, '`300 MiB`', mistakes)
        if bound is not None:
            bounds[str(key)] = bound
    return bounds


def _read_amount(
    node: Node, what: str, units: dict[str, int] | dict[str, float], example: str, mistakes: Mistakes
) -> float | None:
    found = amount(node.value, units) if isinstance(node.value, str) else None
    if found is None or found <= 0:
        mistakes.add(node, f'{what} is {shown(node.value)}; expected an amount like {example}, in {listed(units)}')
        return None
    return found


def read_timeout(node: Node, mistakes: Mistakes) -> float | None:
    """Return the seconds a step may take: a number, or an amount like ``10 min``."""
    found: Any = amount(node.value, TIMES) if isinstance(node.value, str) else node.value
    if type(found) not in (int, float) or not 0 < found <= 30 * 86400:
        mistakes.add(node, f'`timeout` is {shown(node.value)}; expected seconds above 0, like 3600 or `10 min`')
        return None
    return float(found)


def read_memory(node: Node, mistakes: Mistakes) -> int | None:
    """Return the bytes of memory that a step may need: an amount like ``8 GiB``."""
    found = _read_amount(node, '`memory`', SIZES, '`8 GiB`', mistakes)
    return None if found is None else int(found)
