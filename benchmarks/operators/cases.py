"""ONNX's own node tests: one operator each, with inputs and the outputs that the standard expects of it."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

LEFT_OUT: Final = ('_expanded', 'training', 'preview')
"""The same again as a function's body; what only training runs; what is no standard yet."""


@dataclass(frozen=True)
class Case:
    """One node test; *frozen*: every input but the first is a weight, which is what models look like."""

    name: str
    folder: Path
    frozen: bool

    @property
    def key(self) -> str:
        """Its name in results."""
        return f'{self.name} frozen' if self.frozen else self.name


@dataclass(frozen=True)
class Loaded:
    """A case as it is run: the model, what goes in, what has to come out."""

    model: Any
    feed: dict[str, Any]
    wanted: dict[str, Any]

    @property
    def operator(self) -> str:
        """The one operator of the model, with its domain where that is not ONNX's own."""
        node = self.model.graph.node[0]
        return f'{node.domain}.{node.op_type}' if node.domain else str(node.op_type)


def cases(globs: list[str]) -> list[Case]:
    """Return the cases whose names match any of ``globs``, in the order of their names; all when there is none."""
    import onnx
    from onnx.backend.test import loader

    found = []
    for folder in sorted(Path(loader.DATA_DIR, 'node').iterdir()):
        name = folder.name.removeprefix('test_')
        wanted = not globs or any(fnmatch.fnmatchcase(name, glob) for glob in globs)
        if not wanted or any(word in name for word in LEFT_OUT) or not (folder / 'model.onnx').exists():
            continue
        model = onnx.load(folder / 'model.onnx')
        if not model.graph.node[0].domain.startswith('ai.onnx.preview'):
            found += [Case(name, folder, frozen) for frozen in (False, True)[: 1 + _freezable(model)]]
    return found


def loaded(case: Case) -> Loaded:
    """Return the model of ``case`` and its data."""
    import onnx

    model = onnx.load(case.folder / 'model.onnx')
    feed = _data(case.folder / 'test_data_set_0', 'input', model.graph.input)
    wanted = _data(case.folder / 'test_data_set_0', 'output', model.graph.output)
    if case.frozen:
        for value in list(model.graph.input)[1:]:
            model.graph.initializer.add().CopyFrom(_tensor(feed.pop(value.name), value.name))
        del model.graph.input[1:]
        model.ir_version = max(model.ir_version, 4)  # in older ones a weight has to be an input too
    return Loaded(model, feed, wanted)


def _freezable(model: Any) -> bool:
    inputs = model.graph.input
    return len(inputs) > 1 and all(value.type.WhichOneof('value') == 'tensor_type' for value in inputs)


def _data(folder: Path, what: str, values: Any) -> dict[str, Any]:
    return {value.name: _read(folder / f'{what}_{at}.pb', value.type) for at, value in enumerate(values)}


def _read(path: Path, kind: Any) -> Any:
    """Return an array; a list, or None, where the value is a sequence or optional."""
    import onnx
    from onnx import numpy_helper

    holds, data = kind.WhichOneof('value'), path.read_bytes()
    if holds == 'sequence_type':
        return numpy_helper.to_list(onnx.SequenceProto.FromString(data))
    if holds == 'optional_type':
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(data))
    return np.array(numpy_helper.to_array(onnx.TensorProto.FromString(data)))  # its own is read-only


def _tensor(value: np.ndarray, name: str) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(value, name)
