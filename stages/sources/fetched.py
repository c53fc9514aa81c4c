"""The files that a source was given: of one fetch or several, each at its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from stages.errors import IntegrityError, StepError

ALONE: Final = ('torchscript', 'exported', 'keras', 'tflite', 'xgboost', 'lightgbm', 'sklearn')
"""Formats that are one file."""

GRAPH: Final = 'saved_model.pb'
BESIDE: Final = ('variables', 'assets')
"""Folders of a SavedModel that it is loaded with."""

PADDLE: Final = ('.json', '.pdmodel')
WEIGHTS: Final = '.pdiparams'

PAIRS: Final = {
    'caffe': (('.prototxt', '.prototxt.txt', '.pbtxt'), ('.caffemodel',)),
    'darknet': (('.cfg',), ('.weights',)),
    'mxnet': (('-symbol.json', '.json'), ('.params',)),
}
"""Formats of two files: how the name of each ends."""


def pair(inputs: Mapping[str, Path], format: str) -> tuple[Path, Path]:
    """Return the two files of a format: what says the net, and what has its weights."""
    files = fetched(inputs)
    if unusable(format, files):
        names = ', '.join(path.name for path in files.values()) or 'nothing'
        raise StepError(
            f'a {format} model {unusable(format, files)}; fetched: {names}'
            f'\nName both files, each with its sha256: {format}: [{{…}}, {{…}}]'
        )
    first = next(path for place, path in files.items() if place.endswith(PAIRS[format][0]))
    return first, next(path for path in files.values() if path != first)


def pair_at(path: Path, format: str) -> dict[str, str]:
    """Return both files of a format by their places, where ``path`` says a net and its weights are told from others.

    They bear its name, or are the only ones in its folder.
    """
    graphs, weights = PAIRS[format]
    stem = next((path.name.removesuffix(end) for end in graphs if path.name.endswith(end)), '')
    lying = sorted(each.name for each in path.parent.iterdir() if each.name.endswith(weights)) if stem else []
    found = [name for name in lying if name.startswith(f'{stem}.')] or lying
    return {path.name: path.name, found[0]: found[0]} if len(found) == 1 else {}


def fetched(inputs: Mapping[str, Path], role: str = 'file') -> dict[str, Path]:
    """Return every fetched file by its place, over all fetches of a step."""
    found: dict[str, Path] = {}
    for folder in (path for name, path in sorted(inputs.items()) if name.startswith(role)):
        for path in sorted(p for p in folder.rglob('*') if p.is_symlink() or not p.is_dir()):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink() or not path.is_file():
                raise IntegrityError(f'{name}: a link or a device, not a plain file')
            if name in found:
                raise StepError(f'two of the fetched files are called {name}; say where each lies: `to: FOLDER/NAME`')
            found[name] = path
    return found


def unusable(format: str, places: Iterable[str]) -> str:
    """Return why files at these places are no model of ``format``, all of them together; nothing when they are."""
    names = [*places]
    if format in ALONE:
        return f'has {len(names)} files; `{format}` is one file' if len(names) > 1 else ''
    if format == 'onnx':
        graphs = [name for name in names if name.endswith('.onnx')]
        return '' if len(graphs) == 1 else f'has {len(graphs)} .onnx files; expected one, and its external data'
    if format == 'paddle':
        graphs = [name for name in names if PurePosixPath(name).suffix in PADDLE]
        weights = [name for name in names if name.endswith(WEIGHTS)]
        whole = (len(graphs), len(weights)) == (1, 1)
        return '' if whole else 'must have one graph (.pdmodel or .json) and one .pdiparams'
    if format in PAIRS:
        graph, numbers = ([n for n in names if n.endswith(ends)] for ends in PAIRS[format])
        whole = (len(graph), len(numbers), len(names)) == (1, 1, 2)
        return '' if whole else f'must have one {PAIRS[format][0][0]} and one {PAIRS[format][1][0]}'
    if format == 'savedmodel':
        return _unusable_saved_model(names)
    return ''


def _unusable_saved_model(names: list[str]) -> str:
    graphs = [PurePosixPath(name) for name in names if PurePosixPath(name).name == GRAPH]
    if len(graphs) != 1:
        return f'has {len(graphs)} files called {GRAPH}; expected one, and the files of its variables/'
    for name in map(PurePosixPath, names):
        if name != graphs[0] and not any(name.is_relative_to(graphs[0].parent / folder) for folder in BESIDE):
            if name.parent == graphs[0].parent and name.name in ('fingerprint.pb', 'keras_metadata.pb'):
                continue  # part of a folder as it is saved, and read by nobody
            return (
                f'has {name}, which lies neither in variables/ nor in assets/ beside {GRAPH}; '
                f'say where: `to: variables/{name.name}`'
            )
    return ''
