"""Names of values, nodes and dimensions in an ONNX graph, changed without a word of what it computes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stages.contract.port import Port
from stages.errors import StepError
from stages.frameworks.onnx import walk
from stages.frameworks.onnx.checked import edited

if TYPE_CHECKING:
    import onnx


def name_ports(
    model: onnx.ModelProto, inputs: Sequence[str] | None = None, outputs: Sequence[str] | None = None
) -> None:
    """
    Call the inputs and outputs of the graph so, each by its place; None leaves them as they are called.

    Inputs are those that are no weights. An output that is an input, a weight or another output gets a value of its
    own (by an Identity) where its name is to differ; what lies between makes way for the new names.
    Raises StepError when another input or output bears a new name.
    """
    edited(model, _name_ports, inputs, outputs)


def rename(model: onnx.ModelProto, names: Mapping[str, str]) -> None:
    """
    Rename values of the graph (inputs, outputs, what lies between), in the graphs inside it too.

    A name speaks of one value, wherever it goes: an output that is an input keeps being that (``name_ports`` parts
    them). What lies between makes way for a new name. Raises StepError when another input or output bears it.
    """
    edited(model, _rename, names)


def name_nodes(model: onnx.ModelProto, nameless: bool = True) -> None:
    """
    Give each node of the graph, and of those inside it, a name that no other has; tools tell them apart by it.

    Without ``nameless`` those that have no name stay so.
    """
    fresh = walk.unused({node.name for node in walk.nodes(model.graph)})
    seen: set[str] = set()
    for node in walk.nodes(model.graph):
        if node.name in seen if node.name else nameless:
            node.name = fresh(node.name or node.op_type)
        seen.add(node.name)


def name_by_position(model: onnx.ModelProto) -> None:
    """
    Number the names that ONNX Runtime's layout pass makes up, by where they stand.

    It hands out its ``…_token_14`` in the order of memory addresses, which differs from process to process.
    """
    edited(model, _name_by_position)


def name_dimensions(model: onnx.ModelProto, signature: tuple[Port, ...]) -> None:
    """Call the free dimensions of the inputs, and those of the same name elsewhere, as ``signature`` does."""
    edited(model, _name_dimensions, signature)


def _name_ports(model: Any, inputs: Sequence[str] | None, outputs: Sequence[str] | None) -> None:
    from onnx import helper

    graph = model.graph
    weights = walk.weights(graph)
    found = [value.name for value in graph.input if value.name not in weights]
    names = dict(zip(found, found if inputs is None else inputs, strict=True))
    results = [value.name for value in graph.output]
    wanted = results if outputs is None else outputs
    for what, called in (('inputs', list(names.values())), ('outputs', list(wanted))):
        if len(set(called)) < len(called) and called not in (found, results):
            raise StepError(f'two {what} of the model cannot have one name: {", ".join(called)}')
    fresh = walk.unused(walk.names(model) | {*names.values(), *wanted})
    bearers = names | {name: name for name in weights}
    for value, name in zip(graph.output, wanted, strict=True):
        held = value.name
        if bearers.setdefault(held, name) != name:
            value.name = fresh(f'{held}_out')
            graph.node.append(helper.make_node('Identity', [held], [value.name], name=value.name))
        names[value.name] = name
    _rename(model, names)


def _rename(model: Any, names: Mapping[str, str]) -> None:
    graph = model.graph
    mine = walk.defined(graph)
    changed = {old: new for old, new in names.items() if old != new and old in mine}
    fresh = walk.unused(walk.names(model) | set(names.values()))
    ports = {v.name for v in (*graph.input, *graph.output)}
    given: dict[str, str] = {}
    for old, new in changed.items():
        if given.setdefault(new, old) != old:
            raise StepError(f'two values of the model ({given[new]!r}, {old!r}) cannot both be called {new!r}')
    for clash in sorted((mine - changed.keys()) & given.keys()):
        if clash in ports:
            raise StepError(f'the model already calls another value {clash!r}; choose another name in the recipe')
        changed[clash] = fresh(f'{clash}_inner_0')
    if changed:
        _put(graph, changed, given.keys(), fresh)
        for training in model.training_info:
            for binding in (*training.initialization_binding, *training.update_binding):
                binding.key = changed.get(binding.key, binding.key)


def _put(graph: Any, changed: Mapping[str, str], new: Any, fresh: Callable[[str], str]) -> None:
    """Apply ``changed`` to ``graph`` and, for what they take from it, to the graphs inside."""

    def now(name: str) -> str:
        return changed.get(name, name)

    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = now(value.name)
    for sparse in graph.sparse_initializer:
        sparse.values.name = now(sparse.values.name)
    for note in graph.quantization_annotation:
        note.tensor_name = now(note.tensor_name)
        for entry in note.quant_parameter_tensor_names:
            entry.value = now(entry.value)
    for node in graph.node:
        for inner in walk.graphs(node):
            # a value of its own by an old name is another value; one by a new name would hide ours
            own = walk.defined(inner)
            inside = {old: name for old, name in changed.items() if old not in own}
            _put(inner, inside | {name: fresh(f'{name}_inner_0') for name in sorted(own & new)}, new, fresh)
        node.input[:] = [now(name) for name in node.input]
        node.output[:] = [now(name) for name in node.output]


def _name_by_position(model: Any) -> None:
    made = re.compile(r'_token_\d+$|^reorder|^Reorder')
    fixed = {v.name for v in (*model.graph.input, *model.graph.output)}
    fresh = walk.unused(walk.names(model))
    changed: dict[str, str] = {}
    for graph in walk.every_graph(model.graph):
        for number, node in enumerate(graph.node):
            if made.search(node.name):
                node.name = f'{node.op_type}_{number}'
            for name in (*node.input, *node.output):
                if name not in fixed and name not in changed and made.search(name):
                    changed[name] = fresh(f'layout_{len(changed)}')
    for graph in walk.every_graph(model.graph):
        # one name for one word in all graphs, so nothing is hidden that was not hidden before
        moved = any(w.name in changed for w in graph.initializer)
        for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
            value.name = changed.get(value.name, value.name)
        for node in graph.node:
            node.input[:] = [changed.get(name, name) for name in node.input]
            node.output[:] = [changed.get(name, name) for name in node.output]
        if moved:
            walk.replace(graph.initializer, sorted(graph.initializer, key=lambda w: w.name))


def _name_dimensions(model: Any, signature: tuple[Port, ...]) -> None:
    dims = [
        dim
        for graph in walk.every_graph(model.graph)
        for value in (*graph.input, *graph.output, *graph.value_info)
        for dim in value.type.tensor_type.shape.dim
    ]
    held = {dim.dim_param for dim in dims}
    declared = {t.name: t for t in signature}
    names: dict[str, str] = {}
    for value in model.graph.input:
        if value.name not in declared:
            continue
        for dim, word in zip(value.type.tensor_type.shape.dim, declared[value.name].shape, strict=False):
            if isinstance(word, str) and dim.dim_value <= 0:
                if dim.dim_param:
                    names.setdefault(dim.dim_param, word)
                else:
                    dim.dim_param = word
    # another size that happens to be called so is not said to be equal
    fresh = walk.unused(held | set(names.values()))
    names |= {word: fresh(f'{word}_inner') for word in sorted((set(names.values()) & held) - names.keys())}
    for dim in dims:
        if dim.dim_param in names:
            dim.dim_param = names[dim.dim_param]
