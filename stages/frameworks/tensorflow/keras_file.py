"""Keras files, read as data before Keras sees them: ``.keras`` (a zip) and ``.h5``, the one that Keras 2 wrote.

Keras builds whatever a configuration names, and its safe mode has been got round time and again; ``.h5`` ignores it.
So only Keras's own classes pass (a table made from Keras itself, without those that run foreign code or read files),
under the names that Keras gives them, in sizes that the stored weights bear out.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from stages.errors import IntegrityError, StepError, UnsupportedError
from stages.frameworks.tensorflow import keras_sizes
from stages.frameworks.tensorflow.keras_names import CLASSES, FUNCTIONS

MEMBERS: Final = {'config.json', 'metadata.json', 'model.weights.h5'}
MODELS: Final = {'Sequential', 'Functional', 'Model'}
PARTS: Final = {
    '__tuple__', '__keras_tensor__', '__ellipsis__', '__slice__', '__numpy__', '__tensor__', '__bytes__',
    'ThresholdedReLU', 'Policy',
}  # fmt: skip
"""What has no class of its own in Keras: pieces of arguments, and two names of Keras 2."""

PLAIN_MODULES: Final = (
    'keras', 'keras.layers', 'keras.initializers', 'keras.regularizers', 'keras.constraints', 'keras.dtype_policies',
)  # fmt: skip
"""Where Keras looks a name up that stands without its module, as Keras 2 wrote them."""

PLAIN_NAMES: Final = frozenset().union(MODELS, *(CLASSES[module] for module in PLAIN_MODULES))
NUMBERS: Final = {
    'float16', 'float32', 'float64', 'bfloat16', 'bool', 'int8', 'int16', 'int32', 'int64',
    'uint8', 'uint16', 'uint32', 'uint64',
}  # fmt: skip
OLD: Final[dict[str, dict[str, Any]]] = {
    'DepthwiseConv2D': {'groups': 1}, 'Conv2DTranspose': {'groups': 1}, 'Conv1DTranspose': {'groups': 1},
    'SeparableConv1D': {'groups': 1}, 'SeparableConv2D': {'groups': 1},
    'LSTM': {'time_major': False}, 'GRU': {'time_major': False}, 'SimpleRNN': {'time_major': False},
}  # fmt: skip
"""What Keras 2 wrote and Keras 3 refuses, with the values at which it means nothing."""

TRAINED: Final = 'training_config'
"""Where a file of Keras 2 keeps what the model was trained with."""

MOST_TEXT, MOST_WEIGHTS, MOST_RATIO = 64 << 20, 4 << 30, 200
MOST_LAYERS, MOST_DEPTH = 10_000, 60


def checked(path: Path, output: Path) -> Path:
    """
    Copy ``path`` to ``output`` as ``model.keras`` or ``model.h5``, checked, and mended where Keras 2 wrote it.

    Raises UnsupportedError for a model that needs code of its own, IntegrityError for a damaged or hostile file.
    """
    if path.is_symlink():
        raise IntegrityError(f'{path.name}: is a link')
    with path.open('rb') as opened:
        head = opened.read(8)
    try:
        if head[:4] == b'PK\x03\x04':
            return _zip(path, output / 'model.keras')
        if head == b'\x89HDF\r\n\x1a\n':
            return _h5(path, output / 'model.h5')
    except (zipfile.BadZipFile, OSError, KeyError, ValueError, RecursionError, NotImplementedError) as error:
        raise IntegrityError(f'{path.name}: a damaged or unusual Keras file: {error}') from error
    raise StepError(f'{path.name}: neither a .keras nor an .h5 file')


def check_config(file: str, config: Any, sizes: set[int]) -> None:
    """Refuse ``config`` unless all it names is allowed; ``sizes`` are those of the weights in the file."""
    foreign: set[str] = set()
    layers = 0
    for part in _parts(config):
        name, module, registered = part['class_name'], part.get('module'), part.get('registered_name')
        # for a class of its own Keras repeats the name; for one that was registered by others it has theirs
        if not _known(name, module, part.get('config')) or registered not in (None, name):
            foreign.add(f'{module}.{name}' if module else str(name))
            continue
        given = part.get('config')
        if isinstance(given, dict) and isinstance(given.get('vocabulary'), str):
            foreign.add(f'{name} with a vocabulary in another file')
        if str(module).startswith('keras.src.ops.'):
            _check_calls(file, name, part.get('inbound_nodes', []))
            keras_sizes.check(file, part, sizes)
        if name in CLASSES['keras.layers'] | MODELS:
            layers += 1
            keras_sizes.check(file, part, sizes)
    if foreign:
        raise UnsupportedError(
            f'{file}: needs code that a file must not bring: {", ".join(sorted(foreign)[:8])}\n'
            'what to try: export the model as a SavedModel where it was made: it holds the graph, no Python'
        )
    if not 0 < layers <= MOST_LAYERS:
        raise IntegrityError(f'{file}: {layers:,} layers; from 1 to {MOST_LAYERS:,} are read')


def counted(path: Path) -> dict[str, int]:
    """Return how many layers of each class the checked file at ``path`` has; the most frequent first."""
    layers = (part['class_name'] for part in _parts(_config(path)))
    return dict(Counter(name for name in layers if name in CLASSES['keras.layers'] - MODELS).most_common())


def _config(path: Path) -> Any:
    if path.suffix == '.keras':
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read('config.json'))
    import h5py

    with h5py.File(path, 'r') as stored:
        return json.loads(stored.attrs['model_config'])


def _known(name: Any, module: Any, config: Any) -> bool:
    """Say whether Keras itself has the class ``name`` in ``module``; without a module, as Keras 2 wrote it."""
    if not isinstance(name, str):
        return False
    if name == 'function':
        return module in ('builtins', 'keras.activations') and isinstance(config, str) and config in FUNCTIONS
    if name in ('__numpy__', '__tensor__'):
        return isinstance(config, dict) and config.get('dtype') in NUMBERS
    if module is None or module == 'builtins':
        return name in PLAIN_NAMES | PARTS
    return isinstance(module, str) and name in CLASSES.get(module, ())


def _check_calls(file: str, name: str, calls: Any) -> None:
    """Refuse an operation on constants alone: Keras computes it as it loads, whatever its size."""
    for call in calls if isinstance(calls, list) else []:
        if not any(part['class_name'] == '__keras_tensor__' for part in _parts(call)):
            raise IntegrityError(f'{file}: {name} takes nothing that the model computes')


def untrained(config: Any) -> Any:
    """Return ``config`` without what the model, or one within it, was trained with."""
    if isinstance(config, list):
        return [untrained(part) for part in config]
    if not isinstance(config, dict):
        return config
    return {key: untrained(part) for key, part in config.items() if key != 'compile_config' or not part}


def mended(config: Any) -> Any:
    """Return ``config`` without what Keras 2 wrote and Keras 3 refuses, where it means nothing."""
    if isinstance(config, list):
        return [mended(part) for part in config]
    if not isinstance(config, dict):
        return config
    made = {key: mended(part) for key, part in config.items()}
    name, inner = made.get('class_name'), made.get('config')
    if isinstance(name, str) and isinstance(inner, dict):
        idle = OLD.get(name, {})
        made['config'] = {k: v for k, v in inner.items() if k not in idle or v != idle[k]}
    return made


def _zip(path: Path, made: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        members = {m.filename: m for m in archive.infolist()}
        if set(members) != MEMBERS or len(archive.infolist()) != len(MEMBERS):
            raise UnsupportedError(f'{path.name}: holds {", ".join(sorted(members)[:9])}; expected {sorted(MEMBERS)}')
        if members['config.json'].file_size > MOST_TEXT or members['model.weights.h5'].file_size > MOST_WEIGHTS:
            raise IntegrityError(f'{path.name}: larger than what is read')
        if any(m.file_size > MOST_RATIO * max(m.compress_size, 1) + 4096 for m in members.values()):
            raise IntegrityError(f'{path.name}: packed more than {MOST_RATIO} times')
        config = json.loads(archive.read('config.json'))
        if not isinstance(config, dict):
            raise ValueError('its configuration is no object')
        held = made.with_suffix('.weights')
        with archive.open('model.weights.h5') as source, held.open('xb') as copy:
            copy.write(source.read(MOST_WEIGHTS))
        try:
            sizes = _stored_sizes(held)
        finally:
            held.unlink()
    kept = untrained(config)
    check_config(path.name, kept, sizes)
    if kept == config:
        made.write_bytes(path.read_bytes())
        return made
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(made, 'w') as target:
        for name in sorted(MEMBERS):
            record = zipfile.ZipInfo(name)  # its date is that of the format, 1980
            record.file_size = members[name].file_size
            with target.open(record, 'w') as copy:
                copy.write(json.dumps(kept).encode() if name == 'config.json' else archive.read(name))
    return made


def _h5(path: Path, made: Path) -> Path:
    import h5py

    sizes = _stored_sizes(path)
    with h5py.File(path, 'r') as stored:
        text = stored.attrs.get('model_config')
        if text is None:
            raise UnsupportedError(f'{path.name}: holds weights only; expected a model, as `model.save` writes it')
        if len(text) > MOST_TEXT:
            raise IntegrityError(f'{path.name}: its configuration is larger than what is read')
        config = json.loads(text)
        trained = TRAINED in stored.attrs
    kept = untrained(config)
    check_config(path.name, kept, sizes)
    made.write_bytes(path.read_bytes())
    if (new := mended(kept)) != config or trained:
        with h5py.File(made, 'r+') as stored:
            stored.attrs['model_config'] = json.dumps(new)
            stored.attrs.pop(TRAINED, None)
    return made


def _stored_sizes(path: Path) -> set[int]:
    """Return every dimension of the arrays in an HDF5 file, and their sizes; refuse what leads out of the file."""
    import h5py

    found: set[int] = set()

    def visit(group: Any, depth: int) -> None:
        if depth > MOST_DEPTH:
            raise IntegrityError(f'{path.name}: groups within groups, more than {MOST_DEPTH}')
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise IntegrityError(f'{path.name}: {name!r} is a link; only what is in the file is read')
            part = group[name]
            if isinstance(part, h5py.Group):
                visit(part, depth + 1)
                continue
            if not isinstance(part, h5py.Dataset) or part.external or part.is_virtual:
                raise IntegrityError(f'{path.name}: {name!r} keeps its numbers outside the file')
            if part.nbytes > MOST_RATIO * max(path.stat().st_size, 1):
                raise IntegrityError(f'{path.name}: {name!r} has {part.nbytes:,} bytes, more than the file can hold')
            found.update((*part.shape, math.prod(part.shape)))

    with h5py.File(path, 'r') as stored:
        visit(stored, 0)
    return found


def _parts(config: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Give every object that names a class, at any depth."""
    if depth > MOST_DEPTH:
        raise ValueError(f'its configuration is nested deeper than {MOST_DEPTH}')
    if isinstance(config, dict):
        if 'class_name' in config:
            yield config
        for part in config.values():
            yield from _parts(part, depth + 1)
    elif isinstance(config, list):
        for part in config:
            yield from _parts(part, depth + 1)
