"""A graph of ONNX Runtime in an order of its own: that of its computation, whatever order it was optimized in.

ONNX Runtime adds nodes in the order of hash tables, which it seeds with addresses. The same graph comes out each time,
its nodes under other numbers, and under names that count what was made before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from stages.frameworks.onnx.reached import reached

COUNTED: Final = re.compile(r'_token_[0-9]+$')
"""How ONNX Runtime makes a name that is not taken."""


def ordered(root: dict[str, Any], given: frozenset[str]) -> dict[str, Any]:
    """Return a model (``ort_file.read``) with its graphs in order; ``given`` are the names that its source has."""
    model = {**root['model']}
    model['graph'] = _graph(model['graph'], given, {})
    return {**root, 'model': model}


def _graph(graph: Mapping[str, Any], given: frozenset[str], outer: Mapping[str, str]) -> dict[str, Any]:
    graph = {**graph, 'nodes': [{'index': 0, **node} for node in graph.get('nodes', ())]}  # 0 is not written
    nodes = _sorted(graph)
    names = dict(outer) | _renamed(graph, nodes, given)
    place = {node['index']: number for number, node in enumerate(nodes)}
    edges = {edge.get('node_index', 0): edge for edge in graph.get('node_edges', ())}
    made = {**graph, 'nodes': [_node(node, number, given, names) for number, node in enumerate(nodes)]}
    made['max_node_index'] = len(nodes)
    if 'node_edges' in graph:
        made['node_edges'] = [_edge(edges[node['index']], place) for node in nodes if node['index'] in edges]
    for field in ('initializers', 'node_args'):
        if field in graph:
            found = [{**each, 'name': names.get(each['name'], each['name'])} for each in graph[field]]
            made[field] = sorted(found, key=lambda each: each['name'])
    return made


def _sorted(graph: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the nodes, each behind those that it takes something of, as the outputs reach them."""
    nodes = {node['index']: node for node in graph['nodes']}
    maker = {name: node['index'] for node in graph['nodes'] for name in node.get('outputs', ()) if name}
    ends = [maker[name] for name in graph.get('outputs', ()) if name in maker]
    # what no output needs comes last, in an order that numbers have no part in
    rest = sorted(
        nodes.values(), key=lambda node: (node.get('op_type', ''), node.get('inputs', []), node.get('outputs', []))
    )
    ends += [node['index'] for node in rest]
    before = {at: [maker[name] for name in _taken(node) if name in maker] for at, node in nodes.items()}
    return [nodes[at] for at in reached(ends, before)]


def _taken(node: Mapping[str, Any]) -> Iterator[str]:
    yield from node.get('inputs', ())
    yield from node.get('implicit_inputs', ())


def _renamed(graph: Mapping[str, Any], nodes: list[dict[str, Any]], given: frozenset[str]) -> dict[str, str]:
    """Return the new name of each value that ONNX Runtime named by counting: counted by where it stands."""
    own = [name for node in nodes for name in (*_taken(node), *node.get('outputs', ())) if name]
    here = {each['name'] for field in ('node_args', 'initializers') for each in graph.get(field, ())}
    taken = {name for name in (*here, *given) if not _is_counted(name, given)}
    names: dict[str, str] = {}
    for name in own:
        if name in here and name not in names and _is_counted(name, given):
            base, count = COUNTED.sub('', name), 0
            while (new := f'{base}_token_{count}') in taken:
                count += 1
            taken.add(new)
            names[name] = new
    return names


def _is_counted(name: str, given: frozenset[str]) -> bool:
    return name not in given and bool(COUNTED.search(name))


def _node(node: Mapping[str, Any], number: int, given: frozenset[str], names: Mapping[str, str]) -> dict[str, Any]:
    made = {**node, 'index': number}
    for field in ('inputs', 'outputs', 'implicit_inputs'):
        if field in node:
            made[field] = [names.get(name, name) for name in node[field]]
    name = node.get('name', '')
    if _is_counted(name, given) or (name and name == node.get('op_type') and name not in given):
        made['name'] = f'{COUNTED.sub("", name)}_at_{number}'
    if 'attributes' in node:
        made['attributes'] = sorted(
            (_attribute(each, given, names) for each in node['attributes']), key=lambda each: each['name']
        )
    return made


def _attribute(held: Mapping[str, Any], given: frozenset[str], names: Mapping[str, str]) -> dict[str, Any]:
    made = dict(held)
    if 'g' in held:
        made['g'] = _graph(held['g'], given, names)
    if 'graphs' in held:
        made['graphs'] = [_graph(each, given, names) for each in held['graphs']]
    return made


def _edge(edge: Mapping[str, Any], place: Mapping[int, int]) -> dict[str, Any]:
    made = {**edge, 'node_index': place[edge.get('node_index', 0)]}
    for field in ('input_edges', 'output_edges'):
        if field in edge:
            made[field] = sorted((place[number], *rest) for number, *rest in edge[field])
    return made
