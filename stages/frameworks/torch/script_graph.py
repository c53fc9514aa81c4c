"""TorchScript as torch has parsed it: loaded, with every operator of all its graphs looked up in ``allowed``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.errors import UnsupportedError
from stages.frameworks.torch import allowed
from stages.frameworks.torch.script_code import TRY


def load(file: str, path: Path) -> Any:
    """Return the module in ``path``, whose code ``script_code`` has let through; ``file`` is what the user calls it.

    Raises UnsupportedError for an operator that is not allowed, in any method, function, class or inner block.
    """
    import torch

    jit: Any = torch._C  # untyped there
    unit = jit.CompilationUnit()
    module = jit.import_ir_module(unit, str(path), torch.device('cpu'), {}, False)
    for function in unit.get_functions():  # of all classes too
        for node in _nodes(function.graph):
            if name := _refused(node):
                msg = f'{file}: {name} is none of the operators that only compute\n{node.sourceRange()[:500].strip()}'
                raise UnsupportedError(f'{msg}\nwhat to try: {TRY}')
    wrap: Any = torch.jit._recursive.wrap_cpp_module
    return wrap(module)


def counted(module: Any) -> dict[str, int]:
    """Return how many nodes of each operator the module has, its submodules' too; the most frequent first."""
    kinds = (node.kind() for node in _nodes(module.inlined_graph))
    return dict(Counter(kind for kind in kinds if not kind.startswith('prim::')).most_common())


def _nodes(block: Any) -> Iterator[Any]:
    """Give every node of a graph, those of its blocks and of graphs in attributes too."""
    waiting = [block]
    while waiting:
        for node in waiting.pop().nodes():
            yield node
            waiting += node.blocks()
            for name in node.attributeNames():
                kind = node.kindOf(name)
                waiting += [node.g(name)] if kind == 'g' else node.gs(name) if kind == 'gs' else []


def _refused(node: Any) -> str:
    """Return the name of an operator that is not allowed; nothing for one that is."""
    name: str = node.kind()
    schema = allowed.overload(node.schema())
    if name in allowed.LANGUAGE or name in allowed.BESIDE or schema in allowed.overloads():
        return ''
    return schema if '::' in schema else name
