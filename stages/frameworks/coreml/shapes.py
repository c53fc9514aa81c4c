"""Operations of Core ML programs that cut, turn, fill and count; in programs of free sizes what they do is computed."""

from __future__ import annotations

from typing import Final

from stages.frameworks.coreml.work import Work, Write

FAR: Final = 2**31 - 1
"""Behind the end of any axis."""

INT32, INT64 = 6, 7


def _shape(work: Work) -> str:
    return work.op('Cast', work.op('Shape', work.value('x')), to=INT32)


def _fill(work: Work) -> str:
    value = work.value('value') if work.has('value') else work.scalar(0, 'value')
    return work.op('Expand', value, work.sized('shape'))


def _fill_like(work: Work) -> str:
    value = work.value('value') if work.has('value') else work.scalar(0, 'value')
    return work.op('Expand', value, work.op('Shape', work.value('ref_tensor')))


def _range(work: Work) -> str:
    return work.op('Range', *(work.value(name) for name in ('start', 'end', 'step')))


def _reshape(work: Work) -> str:
    return work.op('Reshape', work.value('x'), work.sized('shape'))


def _tile(work: Work) -> str:
    return work.op('Tile', work.value('x'), work.sized('reps'))


def _reverse(work: Work) -> str:
    axes = work.wholes('axes', list(range(work.rank())))
    every = [(-1, 'starts'), (-FAR, 'ends'), (0, 'axes'), (-1, 'steps')]
    parts = [work.vector(axes if word == 'axes' else [each] * len(axes), word) for each, word in every]
    return work.op('Slice', work.value('x'), *parts)


def _slice(work: Work) -> str:
    """Write slice_by_index: begin, end and stride for each axis; masks stand for the ends of it, or squeeze it."""
    rank = work.rank()
    stride = work.wholes('stride', [1] * rank)
    no_begin, no_end, squeezed = (
        [bool(each) for each in work.wholes(name, [0] * rank)] for name in ('begin_mask', 'end_mask', 'squeeze_mask')
    )
    firsts = [-1 if step < 0 else 0 for step in stride]
    lasts = [-FAR if step < 0 else FAR for step in stride]
    starts = _ends(work, 'begin', no_begin, firsts)
    if work.operation.inputs['begin'].val is None and any(squeezed):
        one = work.op('Add', starts, work.vector([1], 'one'))
        last = work.op('Equal', starts, work.vector([-1], 'last'))  # behind the last place is no 0
        behind = work.op('Where', last, work.vector([FAR], 'far'), one)
        stops = _chosen(work, squeezed, behind, _ends(work, 'end', no_end, lasts))
    else:
        begin = [
            first if masked else at for first, masked, at in zip(firsts, no_begin, _told(work, 'begin'), strict=True)
        ]
        ends = [FAR if at == -1 else at + 1 for at in begin]
        stops = _ends(work, 'end', [a or b for a, b in zip(no_end, squeezed, strict=True)], [
            after if gone else last for after, gone, last in zip(ends, squeezed, lasts, strict=True)
        ])  # fmt: skip
    every = work.vector(range(rank), 'axes')
    made = work.op('Slice', work.value('x'), starts, stops, every, work.vector(stride, 'steps'))
    gone = [axis for axis in range(rank) if squeezed[axis]]
    return work.op('Squeeze', made, work.vector(gone, 'gone')) if gone else made


def _told(work: Work, name: str) -> list[int]:
    """Return a constant vector; where it is computed, zeros that nobody asks for."""
    return work.wholes(name) if work.operation.inputs[name].val is not None else [0] * work.rank()


def _ends(work: Work, name: str, masked: list[bool], instead: list[int]) -> str:
    """Return where a slice begins or ends on each axis: as told, ``instead`` where it is masked."""
    if work.operation.inputs[name].val is not None:
        told = work.wholes(name)
        return work.vector([i if m else at for i, m, at in zip(instead, masked, told, strict=True)], name)
    return _chosen(work, masked, work.vector(instead, f'{name}.masked'), work.sized(name))


def _chosen(work: Work, where: list[bool], one: str, other: str) -> str:
    import numpy as np

    if not any(where):
        return other
    return work.op('Where', work.graph.weight(np.array(where), 'where'), one, other)


def _slice_by_size(work: Work) -> str:
    sizes = work.wholes('size')
    if work.operation.inputs['begin'].val is not None:
        begin = work.wholes('begin')
        ends = [FAR if count < 0 else start + count for start, count in zip(begin, sizes, strict=True)]
        return work.op('Slice', work.value('x'), work.vector(begin, 'starts'), work.vector(ends, 'ends'))
    starts = work.sized('begin')
    counted = work.vector([FAR if count < 0 else count for count in sizes], 'size')
    return work.op('Slice', work.value('x'), starts, work.op('Add', starts, counted))


OPERATORS: Final[dict[str, Write]] = {
    'shape': _shape,
    'fill': _fill,
    'fill_like': _fill_like,
    'range_1d': _range,
    'reshape': _reshape,
    'tile': _tile,
    'reverse': _reverse,
    'slice_by_index': _slice,
    'slice_by_size': _slice_by_size,
}
