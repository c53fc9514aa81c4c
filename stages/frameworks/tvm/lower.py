"""A model's Relax module in, kernels out: fused, scheduled, then machine code. Tuning and building both start here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from stages.frameworks.tvm.graph.canonicalized import spelled
from stages.frameworks.tvm.graph.winograd import winograd
from stages.frameworks.tvm.schedule.rule import SCHEDULED, ruled
from stages.frameworks.tvm.target import Target, tvm_target

Level = Literal[1, 2, 3]

NAMES: Final[dict[Level, str]] = {1: 'fused', 2: 'packed', 3: 'fast'}
"""What a level adds to the one before: kernels fused; channels last and weights packed; approximate tanh, exp, erf, and
3x3 convolutions in tiles."""

CHANNELS_LAST: Final = {'relax.nn.conv2d': ['NHWC', 'HWIO'], 'relax.nn.conv1d': ['NWC', 'WIO']}
"""The layouts of level 2: output channels innermost, so that one vector holds channels of one pixel."""


def kernels(module: Any, target: Target, level: Level = 3, tiles: bool = True) -> Any:
    """Return ``module`` as calls of fused TIR functions, none of them scheduled except those written by hand.

    Tuning works on these functions and finds them again by their structural hash: the same module, target and level
    give the same functions. Without ``tiles`` no convolution is one that only our rule has a schedule for.
    """
    import tvm

    with tvm_target(target):
        passes = [*integer(target), *graph(level, tiles), *fused(), *free_layouts(level)]
        return tvm.transform.Sequential(passes)(module)


@dataclass(frozen=True)
class Scheduled:
    """Kernels with schedules, and where those are from."""

    module: Any
    origins: Mapping[str, int]
    """How many are called in ``all``; of these, ``written`` by hand, ``tuned``, by the ``rule``, ``unscheduled``."""


def scheduled(
    module: Any, target: Target, level: Level = 3, database: Path | None = None, rule: bool = True
) -> Scheduled:
    """Return the kernels of ``module``: tuned where ``database`` has them, the others by our rule, if wanted."""
    written = kernels(module, target, level, tiles=rule)
    with tvm_target(target):
        searched = written if database is None else tuned(written, database)
        done = ruled(searched, target) if rule else searched
    by_hand, found, after = (len(called(each, only_scheduled=True)) for each in (written, searched, done))
    every = len(called(done, only_scheduled=False))
    origins = {'written': by_hand, 'tuned': found - by_hand, 'rule': after - found, 'unscheduled': every - after}
    return Scheduled(done, {'all': every, **origins})


def called(module: Any, only_scheduled: bool) -> set[str]:
    """Return the names of the functions that ``main`` calls; or of those of them that have a schedule."""
    from tvm.ir import GlobalVar
    from tvm.relax.analysis import post_order_visit

    names: set[str] = set()

    def visit(part: Any) -> None:
        if isinstance(part, GlobalVar):
            attributes = module[part].attrs or {}
            if attributes.get(SCHEDULED) or not only_scheduled:
                names.add(part.name_hint)

    post_order_visit(module['main'], visit)
    return names


def compiled(module: Any, target: Target, level: Level = 3, database: Path | None = None) -> Any:
    """Return the Relax executable of ``module``: tuned kernels where ``database`` has them, our rule for the others."""
    return machine_code(scheduled(module, target, level, database).module, target)


def machine_code(scheduled: Any, target: Target) -> Any:
    """Return the executable of a scheduled module; constant weights are packed now, not per call."""
    import tvm
    from tvm.relax import transform

    packing = [transform.SplitLayoutRewritePreproc(), transform.FoldConstant(), transform.DeadCodeElimination()]
    with tvm_target(target) as where:
        return tvm.compile(tvm.transform.Sequential(packing)(scheduled), target=where)


def integer(target: Target) -> list[Callable[[Any], Any]]:
    """Return the pass that makes quantized parts integer kernels, where the CPU has the instruction for it."""
    import tvm

    if not target.vnni:
        return []

    from stages.frameworks.tvm.graph import int8

    return [tvm.transform.module_pass(lambda module, _: int8.integer(module, target), opt_level=0, name='integer')]


def graph(level: Level, tiles: bool) -> list[Any]:
    """Return the passes on whole operators: what is constant is computed, then layouts and approximations by level."""
    import tvm
    from tvm.relax import transform

    if level > 1:
        known = tvm.transform.module_pass(lambda module, _: spelled(module, approximate=level > 2), opt_level=0)
    passes = [transform.DecomposeOpsForInference(), transform.FoldConstant(), transform.CanonicalizeBindings()]
    if level > 1:
        passes += [known, transform.FoldConstant(), transform.ConvertLayout(dict(CHANNELS_LAST)), transform.Normalize()]
        passes += [transform.FoldConstant(), transform.CanonicalizeBindings()]
    if level > 2 and tiles:
        passes += [tvm.transform.module_pass(lambda module, _: winograd(module), opt_level=0, name='winograd')]
    if level > 2:
        passes += [transform.FastMathTransform()]
    return passes


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


def tuned(module: Any, database: Path) -> Any:
    """Return ``module`` with the kernels that ``database``, a folder of MetaSchedule's two files, has records of."""
    from tvm.relax import transform
    from tvm.s_tir import meta_schedule

    with meta_schedule.database.JSONDatabase(work_dir=str(database)):
        return transform.MetaScheduleApplyDatabase()(module)
