"""Indices held within what they point into, before a program is compiled to machine code.

Compiled code asks in loops of OpenMP whether an index is out of range, and an exception cannot leave one: the process
ends. A caller's wrong index reads the nearest place that there is instead, as in a library of TVM; no other answer
changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def bound(program: torch.export.ExportedProgram) -> None:
    """Clamp every index of ``program``, branches and loops too, that points along an axis of a size that is known."""
    import torch

    for graph in (m for m in program.graph_module.modules() if isinstance(m, torch.fx.GraphModule)):
        for node in [node for node in graph.graph.nodes if node.op == 'call_function']:
            _bound(node)
        graph.recompile()


def _bound(node: torch.fx.Node) -> None:
    """Clamp the indices that one node takes; those of ``index`` may count from the end."""
    import torch

    aten = torch.ops.aten
    given: list[Any] = list(node.args)
    if node.target is aten.embedding.default:
        given[1] = _held(node, given[1], given[0], 0)
    elif node.target in (aten.gather.default, aten.index_select.default):
        given[2] = _held(node, given[2], given[0], given[1])
    elif node.target in (aten.index.Tensor, aten.index_put.default):
        given[1] = [
            _held(node, index, given[0], axis, negative=True)
            for axis, index in zip(_axes(given[1]), given[1], strict=True)
        ]
    else:
        return
    node.args = tuple(given)


def _axes(indices: list[Any]) -> list[int]:
    """Return the axis that each index begins at: a mask stands for as many axes as it has, all others for one."""
    axes, axis = [], 0
    for index in indices:
        axes.append(axis)
        value = index.meta.get('val') if index is not None else None
        axis += value.dim() if value is not None and _is_mask(value) else 1
    return axes


def _held(node: torch.fx.Node, index: Any, table: Any, axis: int, *, negative: bool = False) -> Any:
    """Return ``index`` clamped to the places of ``table``; itself, where it is a mask or how many there are is open."""
    import torch

    value, held = (one.meta.get('val') if isinstance(one, torch.fx.Node) else None for one in (index, table))
    if not isinstance(value, torch.Tensor) or not isinstance(held, torch.Tensor) or not held.dim():
        return index
    size = held.shape[axis]
    if _is_mask(value) or not isinstance(size, int) or size < 1:
        return index
    with node.graph.inserting_before(node):
        made = node.graph.call_function(torch.ops.aten.clamp.default, (index, -size if negative else 0, size - 1))
    made.meta['val'] = value
    return made


def _is_mask(value: torch.Tensor) -> bool:
    import torch

    return value.dtype in (torch.bool, torch.uint8)
