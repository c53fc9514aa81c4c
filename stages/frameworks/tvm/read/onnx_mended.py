"""An ONNX model in operators that TVM reads, and reads rightly: functions written out, known mistakes gone round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from stages.errors import UnsupportedError
from stages.frameworks.onnx.operators import operators
from stages.frameworks.tvm.read.known_wrong import KNOWN_WRONG, UNREAD, Wrong
from stages.frameworks.tvm.read.onnx_node import Node, Writer
from stages.frameworks.tvm.read.onnx_types import light, types_of, whole

if TYPE_CHECKING:
    import onnx

STANDARD: Final = ('', 'ai.onnx')


def expanded(model: onnx.ModelProto, operators: Iterable[str]) -> onnx.ModelProto:
    """Return ``model`` with those of ONNX's ``operators`` written out that ONNX defines by others.

    Where its inliner does not know enough, of an input that is left out, the operator stays.
    """
    from onnx import inliner

    functions = [(domain, name) for name in sorted(operators) if is_function(name) for domain in STANDARD]
    if not functions:
        return model
    for node in model.graph.node:
        if ('', node.op_type) in functions and node.domain in STANDARD:
            tell_defaults(node)
    try:
        written = inliner.inline_selected_functions(light(model), functions, inline_schema_functions=True)
    except RuntimeError:
        return model
    return whole(written, model)


def tell_defaults(node: onnx.NodeProto) -> None:
    """Write the attributes that ``node`` leaves to their defaults: the inliner leaves them out of the body."""
    import onnx

    told = {attribute.name for attribute in node.attribute}
    for name, attribute in onnx.defs.get_schema(node.op_type).attributes.items():
        if name not in told and attribute.default_value.name:
            node.attribute.append(attribute.default_value)


def is_function(operator: str) -> bool:
    """Say whether ONNX defines ``operator`` by others."""
    import onnx

    if not onnx.defs.has(operator):
        return False
    schema: Any = onnx.defs.get_schema(operator)
    return bool(schema.has_function or schema.has_context_dependent_function)


def mended(model: onnx.ModelProto, insist: bool) -> tuple[onnx.ModelProto, bool]:
    """Return ``model`` without nodes that TVM is known to read wrongly, and whether anything was written otherwise.

    Raises UnsupportedError for those that cannot be written otherwise, unless we ``insist`` on them.
    """
    if not operators(model) & {each.operator for each in (*KNOWN_WRONG, *UNREAD)}:
        return model, False
    types = types_of(model)
    nodes: list[Any] = []
    changed = False
    for proto in model.graph.node:
        writer = instead(Node(proto, types), insist)
        if writer is not None:
            changed = True
            nodes += writer.nodes
            model.graph.initializer.extend(writer.weights)
            continue
        nodes.append(type(proto).FromString(proto.SerializeToString()))
        for inner in inner_nodes(proto):
            if (known := wrong(Node(inner, types))) is not None and known.refused and not insist:
                raise refused(Node(inner, types), known)
    if changed:
        del model.graph.node[:]
        model.graph.node.extend(nodes)
    return model, changed


def instead(node: Node, insist: bool) -> Writer | None:
    """Return what is written instead of ``node``; None where it stays."""
    known = wrong(node)
    if known is None:
        return None
    writer = Writer(node)
    if known.write is not None and known.write(node, writer):
        return writer
    if known.refused and not insist:
        raise refused(node, known)
    return None


def wrong(node: Node) -> Wrong | None:
    """Return what is known of how TVM reads ``node``, if that is not well."""
    if node.proto.domain not in STANDARD:
        return None
    table = (*KNOWN_WRONG, *UNREAD)
    return next((each for each in table if each.operator == node.proto.op_type and each.when(node)), None)


def refused(node: Node, known: Wrong) -> UnsupportedError:
    """Return the refusal of a node."""
    return UnsupportedError(
        f'TVM is known to be wrong, without a word, about {known.operator} with {known.what} '
        f'(node {node.proto.name or node.output(0)})\n'
        f'what to try: ONNX Runtime, which opened this model here; tvm: {{insist: true}} builds it all the same, and '
        f'the check of the step judges it'
    )


def inner_nodes(proto: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of the graphs inside a node."""
    for attribute in proto.attribute:
        for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField('g') else [])):
            for node in graph.node:
                yield node
                yield from inner_nodes(node)
