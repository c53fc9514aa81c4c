"""A network that was written for two sizes of its inputs, as one graph for any: where the two differ a size is free.

What is written for a size is a number in a Reshape, a Resize or a Slice; there it is told by what comes in instead. A
difference elsewhere, and a number of which it is known that it goes by rests (``Values.bound``), cannot be free.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from stages.frameworks.coreml.layer import Values

if TYPE_CHECKING:
    import onnx

END: Final = (1 << 63) - 1


class Bound(Exception):
    """A node that cannot be free, in words."""


def free(one: Values, other: Values) -> None:
    """Let the sizes in which ``other`` differs be free in the graph of ``one``. Raises Bound where they cannot be."""
    if bound := [*one.bound, *other.bound]:
        raise Bound(bound[0])
    if [node.op_type for node in one.graph.nodes] != [node.op_type for node in other.graph.nodes]:
        raise Bound('other operators come of other sizes')
    held, others = ({weight.name: weight for weight in values.graph.weights} for values in (one, other))
    nodes: list[Any] = []
    for node, twin in zip(one.graph.nodes, other.graph.nodes, strict=True):
        if _attributes(node) != _attributes(twin):
            raise Bound(f'{node.op_type} {node.name}')
        weights = [place for place, name in enumerate(node.input) if name in held]
        differ = [each for each in weights if _differ(held[node.input[each]], others, twin.input[each])]
        nodes += [node] if not differ else _freed(one, other, node, differ)
    one.graph.nodes[:] = nodes


def _differ(weight: Any, others: dict[str, Any], name: str) -> bool:
    twin = others.get(name)
    return twin is None or weight.raw_data != twin.raw_data or weight.dims != twin.dims


def _attributes(node: onnx.NodeProto) -> list[Any]:
    return sorted((each.name, each.SerializeToString()) for each in node.attribute)


def _freed(one: Values, other: Values, node: Any, differ: Sequence[int]) -> list[Any]:
    """Return the nodes in place of one whose inputs at the places ``differ`` are not the same for both sizes."""
    node = _copied(node)
    given = [values.shape(node.input[0]) for values in (one, other)]
    made = [values.shape(node.output[0]) for values in (one, other)]
    if node.op_type == 'Reshape' and [*differ] == [1]:
        return _reshaped(one, node, given, made)
    if node.op_type == 'Resize' and [*differ] == [3]:
        return _resized(one, node, given, made)
    if node.op_type == 'Slice' and [*differ] == [2]:
        return _cut(one, other, node, given)
    raise Bound(f'{node.op_type} {node.name}')


def _copied(node: Any) -> Any:
    made = type(node)()
    made.CopyFrom(node)
    return made


def _weight(values: Values, array: Any, name: str) -> str:
    import numpy as np

    return values.graph.weight(np.asarray(array), f'{name}.free')


def _reshaped(one: Values, node: Any, given: Sequence[Any], made: Sequence[Any]) -> list[Any]:
    import numpy as np
    from onnx import helper

    before, after = [[*zip(*shapes, strict=True)] for shapes in (given, made)]  # both sizes of each axis
    told = []
    for axis, sizes in enumerate(after):
        kept = axis < len(before) and sizes == before[axis]
        told.append(int(sizes[0]) if sizes[0] == sizes[1] else 0 if kept else -1)
    if told.count(-1) < 2:
        node.input[1] = _weight(one, np.array(told, np.int64), node.name)
        return [node]
    alone = (1, 1)
    if [each for each in before if each != alone] != [each for each in after if each != alone]:
        raise Bound(f'{node.op_type} {node.name}')
    gone, new = ([axis for axis, each in enumerate(sizes) if each == alone] for sizes in (before, after))
    value, nodes = node.input[0], []
    for kind, axes, name in (('Squeeze', gone, f'{node.name}.less'), ('Unsqueeze', new, '')):
        if axes or not name:
            result = one.graph.name(name) if name else node.output[0]
            inputs = [value, _weight(one, np.array(axes, np.int64), node.name)] if axes else [value]
            nodes.append(helper.make_node(kind if axes else 'Identity', inputs, [result], name=result))
            value = result
    return nodes


def _resized(one: Values, node: Any, given: Sequence[Any], made: Sequence[Any]) -> list[Any]:
    import numpy as np

    scales = [[after / before for before, after in zip(*pair, strict=True)] for pair in zip(given, made, strict=True)]
    if scales[0] != scales[1]:
        raise Bound(f'{node.op_type} {node.name}')
    inputs = [node.input[0], '', _weight(one, np.array(scales[0], np.float32), node.name)]
    del node.input[:]
    node.input.extend(inputs)
    return [node]


def _cut(one: Values, other: Values, node: Any, given: Sequence[Any]) -> list[Any]:
    import numpy as np
    from onnx import numpy_helper

    held = [{weight.name: weight for weight in values.graph.weights} for values in (one, other)]
    axes = numpy_helper.to_array(held[0][node.input[3]]).tolist()
    ends = [numpy_helper.to_array(each[node.input[2]]).tolist() for each in held]
    told = []
    for place, axis in enumerate(axes):
        left = [end[place] - shape[axis] for end, shape in zip(ends, given, strict=True)]
        if ends[0][place] != ends[1][place] and (left[0] != left[1] or left[0] > 0):
            raise Bound(f'{node.op_type} {node.name}')
        told.append(ends[0][place] if ends[0][place] == ends[1][place] else left[0] or END)
    node.input[2] = _weight(one, np.array(told, np.int64), node.name)
    return [node]
