"""How an exported program says in what its inputs and outputs lie: read as data, and written as plain tuples."""

from __future__ import annotations

import json
from typing import Any, Final

from stages.frameworks.torch.paths import WHOLE

LEAF: Final[dict[str, Any]] = {'type': None, 'context': None, 'children_spec': []}
EMPTY: Final = {'type': 'builtins.dict', 'context': '[]'}


def flatten(module: dict[str, Any]) -> None:
    """Let the program in ``module`` (graph and signature) take tensors by place and return one, or a tuple of them.

    What is None or a constant there goes. Structures of other packages are imported by their name; places need none.
    """
    graph, signature = module['graph'], module['signature']
    taken, returned = paths(module)
    for ports, specs in ((graph['inputs'], signature['input_specs']), (graph['outputs'], signature['output_specs'])):
        kept = [place for place, spec in enumerate(specs) if not _constant(spec)]
        ports[:], specs[:] = [ports[place] for place in kept], [specs[place] for place in kept]
    for call in module['module_call_graph']:
        if call['signature'] is not None:
            call['signature'] |= {
                'in_spec': json.dumps([1, _tuple([_tuple([LEAF] * len(taken)), _tuple([]) | EMPTY])]),
                'out_spec': json.dumps([1, LEAF if returned == [WHOLE] else _tuple([LEAF] * len(returned))]),
                'forward_arg_names': None,
            }


def paths(module: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the path of every tensor that the program takes and returns, in order, as it was exported."""
    call = next(call['signature'] for call in module['module_call_graph'] if call['fqn'] == '')
    words = call.get('forward_arg_names') or []
    taken = [_argument(path, words) for path in leaves(call['in_spec'])]
    returned = leaves(call['out_spec'])
    signature = module['signature']
    given = [_constant(s) for s in signature['input_specs'] if 'user_input' in s or 'constant_input' in s]
    results = [_constant(s) for s in signature['output_specs'] if 'user_output' in s]
    return _tensors(taken, given), _tensors(returned, results)


def leaves(text: str) -> list[str]:
    """Return the path of every value in the structure that ``text`` describes, in order.

    Parts are keys where the structure is a dict, or says the names of its fields; else places.
    """
    return _leaves(json.loads(text)[1], '')


def _tensors(found: list[str], constant: list[bool]) -> list[str]:
    return [path for path, gone in zip(found, constant, strict=True) if not gone]


def _constant(spec: dict[str, Any]) -> bool:
    """Whether an input or output is None or a number that the export had."""
    if 'constant_input' in spec:
        return True
    port = spec.get('user_output') or spec.get('user_input')
    return port is not None and 'as_tensor' not in port['arg']


def _argument(path: str, words: list[str]) -> str:
    """Return the path of an input by its argument's name: it begins with 0 for a place, 1 for a keyword."""
    kind, _, rest = path.partition('.')
    if kind == '1':
        return rest
    place, _, below = rest.partition('.')
    name = words[int(place)] if int(place) < len(words) else place
    return f'{name}.{below}' if below else name


def _tuple(children: list[dict[str, Any]]) -> dict[str, Any]:
    return {'type': 'builtins.tuple', 'context': 'null', 'children_spec': children}


def _leaves(spec: dict[str, Any], path: str) -> list[str]:
    children = spec['children_spec']
    if spec['type'] is None:
        return [path or WHOLE]
    keys = _keys(spec['context'], len(children))
    return [
        leaf
        for key, child in zip(keys, children, strict=True)
        for leaf in _leaves(child, f'{path}.{key}' if path else key)
    ]


def _keys(context: Any, count: int) -> list[str]:
    """Return the keys of ``count`` children: a list of words somewhere in the context, else places."""
    try:
        read = json.loads(context) if isinstance(context, str) else context
    except ValueError:
        read = None
    for found in (read, *(read.values() if isinstance(read, dict) else read if isinstance(read, list) else ())):
        if isinstance(found, list) and len(found) == count and all(isinstance(key, str) for key in found):
            return [str(key) for key in found]
    return [str(place) for place in range(count)]
