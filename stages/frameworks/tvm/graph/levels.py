"""A Relax module in, calls of fused TIR functions out: what each level does to a graph, and what it can do without.

A pass that a model does not bear is left out, and said; only fusing itself has to succeed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from stages.errors import UnsupportedError
from stages.frameworks.tvm.graph.canonicalized import canonicalized
from stages.frameworks.tvm.graph.winograd import winograd
from stages.frameworks.tvm.said import said
from stages.frameworks.tvm.target import Target, tvm_target

Level = Literal[1, 2, 3]
Optional = Literal['integers', 'canonical operators', 'channels last', 'tiles', 'fast mathematics']
Pass = Callable[[Any], Any]

NAMES: Final[dict[Level, str]] = {1: 'fused', 2: 'packed', 3: 'fast'}
"""What a level adds to the one before: kernels fused; channels last and weights packed; approximate tanh, exp, erf, and
3x3 convolutions in tiles."""

CHANNELS_LAST: Final = {'relax.nn.conv2d': ['NHWC', 'HWIO'], 'relax.nn.conv1d': ['NWC', 'WIO']}
"""The layouts of level 2: output channels innermost, so that one vector holds channels of one pixel."""

ADVICE: Final = 'this variant without tvm: its layouts, tiles and schedules were left out here, and it did not help'

OPTIONAL: Final[tuple[Optional, ...]] = (
    'channels last', 'tiles', 'integers', 'fast mathematics', 'canonical operators',
)  # fmt: skip
"""What a graph can do without, in the order in which it is given up where fusing fails."""


@dataclass(frozen=True)
class Lowered:
    """Kernels, called by ``main``."""

    module: Any
    without: Mapping[Optional, str]
    """What of the level was left out, and why."""


def lowered(
    module: Any, target: Target, level: Level, tiles: bool, without: Mapping[Optional, str] | None = None
) -> Lowered:
    """Return ``module`` as calls of fused TIR functions, none of them scheduled except those written by hand.

    What ``without`` names is not tried; neither is, later, what has failed. Raises UnsupportedError where nothing is
    left to give up.
    """
    left_out = dict(without or {})
    while True:
        try:
            with tvm_target(target):
                return Lowered(_through(module, target, level, tiles, left_out), left_out)
        except UnsupportedError as error:
            more = next((each for each in OPTIONAL if each not in left_out), None)
            if more is None:
                raise
            left_out[more] = said(error)


def _through(module: Any, target: Target, level: Level, tiles: bool, left_out: dict[Optional, str]) -> Any:
    """Return ``module`` after all passes; an optional one that fails is added to ``left_out``."""
    from stages.frameworks.refusal import refusal

    for name, step in steps(target, level, tiles):
        if name is None:  # TVM's own passes alone
            with refusal('TVM', ADVICE):
                module = step(module)
        elif name not in left_out:
            try:
                module = step(module)
            except Exception as error:
                left_out[name] = said(error)
    return module


def steps(target: Target, level: Level, tiles: bool) -> list[tuple[Optional | None, Pass]]:
    """Return the passes in order, those that a model can do without by their names."""
    from tvm.relax import transform

    from stages.frameworks.tvm.graph import int8

    constant = [transform.FoldConstant(), transform.CanonicalizeBindings()]
    found: list[tuple[Optional | None, Pass]] = []
    if target.vnni:
        found.append(('integers', lambda module: int8.integer(module, target)))
    found.append((None, in_order(transform.DecomposeOpsForInference(), *constant)))
    if level > 1:
        found.append(('canonical operators', lambda module: canonicalized(module, approximate=level > 2)))
        found += [(None, transform.FoldConstant()), ('channels last', channels_last), (None, in_order(*constant))]
    if level > 2 and tiles:
        found.append(('tiles', winograd))
    if level > 2:
        found.append(('fast mathematics', transform.FastMathTransform()))
    return [*found, (None, in_order(*fused(), *free_layouts(level)))]


def channels_last(module: Any) -> Any:
    """Return ``module`` with convolutions, and what is between them, channels last; without any it stays as it is."""
    from tvm.relax import transform

    if not called(module) & CHANNELS_LAST.keys():
        return module
    return in_order(transform.ConvertLayout(dict(CHANNELS_LAST)), transform.Normalize())(module)


def called(module: Any) -> set[str]:
    """Return the names of the Relax operators in ``main``."""
    from tvm import relax
    from tvm.relax.analysis import post_order_visit

    names: set[str] = set()

    def visit(part: Any) -> None:
        if isinstance(part, relax.Call):
            names.add(getattr(part.op, 'name', ''))

    post_order_visit(module['main'], visit)
    return names


def fused() -> list[Any]:
    """Return the passes that turn operators into TIR functions, and neighbours that fit into one function."""
    from tvm.relax import transform

    return [
        transform.LegalizeOps(),
        transform.AnnotateTIROpPattern(),
        transform.FoldConstant(),
        transform.FuseOps(),
        transform.FuseTIR(),
    ]


def free_layouts(level: Level) -> list[Any]:
    """Return the pass that marks the buffers (constant weights) whose layout a schedule may choose."""
    from tvm.relax import transform

    return [transform.AttachAttrLayoutFreeBuffers()] if level > 1 else []


def in_order(*passes: Any) -> Pass:
    """Return several of TVM's passes as one."""
    import tvm

    together: Pass = tvm.transform.Sequential(list(passes))
    return together
