"""A ``.skops`` file as data: which classes it names, held against a list, before anything of it is loaded.

The format is that of skops (https://skops.readthedocs.io): a zip of ``schema.json``, a tree of nodes that each say by
which loader a value of which class is made, and of arrays beside it. Of its loaders those that only make values are
let through; those that import functions, bind methods or call what a file names are not, whatever skops would trust.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from stages.errors import IntegrityError, UnsupportedError

SCHEMA: Final = 'schema.json'
VALUES: Final = frozenset(
    {
        'DictNode', 'ListNode', 'TupleNode', 'SetNode', 'JsonNode', 'SliceNode', 'NdArrayNode', 'DTypeNode',
        'SparseMatrixNode', 'RandomStateNode', 'RandomGeneratorNode',
    }
)  # fmt: skip
"""Loaders that make plain values, whatever class is named."""

OBJECTS: Final = frozenset(['ObjectNode', 'TreeNode', 'LossNode', 'SGDNode'])
"""Loaders that make an object of a class of scikit-learn."""

TYPES: Final = frozenset(['str', 'int', 'float', 'bool', 'float32', 'float64', 'int32', 'int64'])
"""Types that may themselves be a value (the ``dtype`` of an encoder)."""

ROOMS: Final = frozenset(
    {
        '_loss', 'calibration', 'cluster', 'compose', 'covariance', 'cross_decomposition', 'decomposition',
        'discriminant_analysis', 'dummy', 'ensemble', 'feature_extraction', 'feature_selection', 'gaussian_process',
        'impute', 'isotonic', 'kernel_approximation', 'kernel_ridge', 'linear_model', 'mixture', 'multiclass',
        'multioutput', 'naive_bayes', 'neighbors', 'neural_network', 'pipeline', 'preprocessing', 'random_projection',
        'svm', 'tree',
    }
)  # fmt: skip
"""Parts of scikit-learn that hold estimators."""

DISTANCES: Final = ['metrics', '_dist_metrics']

WORD: Final = re.compile(r'[A-Za-z_][A-Za-z0-9_]*')
COLUMNS: Final = re.compile(r'[0-9]{1,7}')
"""How many columns a model takes, as JSON has it; no model takes ten million."""

LARGEST: Final = 1 << 30
MEMBERS: Final = 200_000


def nodes(path: Path) -> dict[str, Any]:
    """Return the tree of a file, checked: each node has a loader and a class of the lists, each array is there.

    Raises IntegrityError for a damaged file or one that unpacks to more than 1 GiB, UnsupportedError for what is on
    none of the lists, naming it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MEMBERS or sum(member.file_size for member in members) > LARGEST:
                raise IntegrityError(f'{path.name}: unpacks to more than {LARGEST:,} bytes, or {MEMBERS:,} files')
            names = Counter(member.filename for member in members)
            root = json.loads(archive.read(SCHEMA))
            unpacked = sum(member.file_size for member in members) + _arrays(path.name, archive, names)
            if unpacked > LARGEST:
                raise IntegrityError(f'{path.name}: the archives in it unpack to more than {LARGEST:,} bytes')
    except (zipfile.BadZipFile, NotImplementedError, KeyError, ValueError, RecursionError, OSError, EOFError) as error:
        raise IntegrityError(f'{path.name}: no file of skops: {type(error).__name__}: {error}') from error
    if not isinstance(root, dict) or not isinstance(root.get('content'), dict):
        raise IntegrityError(f'{path.name}: its schema is no tree of nodes')
    for node in walk(root):
        _check(path.name, node, names)
    return root


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Give every node of a tree, outer ones first."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if '__loader__' in part:
                yield part
            waiting += reversed(part.values())
        elif isinstance(part, list):
            waiting += reversed(part)


def features(root: Mapping[str, Any]) -> int | None:
    """Return how many columns the model takes: what the first of its estimators was fitted on."""
    for node in walk(root):
        content = node.get('content')
        inner = content.get('content') if isinstance(content, dict) else None
        told = inner.get('n_features_in_') if isinstance(inner, dict) else None
        if isinstance(told, dict) and isinstance(told.get('content'), str) and COLUMNS.fullmatch(told['content']):
            return int(told['content'])
    return None


def estimators(path: Path) -> dict[str, int]:
    """Return how many objects of each class of scikit-learn a file holds."""
    found = Counter(node['__class__'] for node in walk(nodes(path)) if node['__loader__'] in OBJECTS)
    return dict(found.most_common())


def _arrays(where: str, archive: zipfile.ZipFile, names: Mapping[str, int]) -> int:
    """Refuse members that are no arrays of plain numbers or texts, or that lie elsewhere than beside the schema.

    Returns the bytes that the archives among them, of sparse arrays, unpack to.
    """
    unpacked = 0
    for name, count in names.items():
        if count > 1 or '/' in name or '\\' in name or not name.endswith(('.npy', '.npz', '.json')):
            raise IntegrityError(
                f'{where}: holds {name!r}{", twice" if count > 1 else ""}; expected arrays beside {SCHEMA}'
            )
        if name.endswith('.npy'):
            with archive.open(name) as file:
                _array(where, name, file.read(1024))
        if name.endswith('.npz'):
            with archive.open(name) as file, zipfile.ZipFile(file) as inner:
                for member in inner.infolist():
                    unpacked += member.file_size
                    with inner.open(member) as part:
                        _array(where, f'{name}: {member.filename}', part.read(1024))
    return unpacked


def _array(where: str, name: str, start: bytes) -> None:
    if not start.startswith(b'\x93NUMPY') or b"'|O" in start:
        raise IntegrityError(f'{where}: {name} is no array of numbers')


def _check(where: str, node: Mapping[str, Any], names: Mapping[str, int]) -> None:
    loader, module, kind = (node.get(key) for key in ('__loader__', '__module__', '__class__'))
    if not all(isinstance(word, str) for word in (loader, module, kind)):
        raise IntegrityError(f'{where}: a node without loader, module or class')
    if isinstance(file := node.get('file'), str) and file not in names:
        raise IntegrityError(f'{where}: names the array {file!r}, which is not there')
    if loader in VALUES or (loader == 'TypeNode' and kind in TYPES and module in ('builtins', 'numpy')):
        return
    parts = str(module).split('.')
    known = parts[1:2] and (parts[1] in ROOMS or parts[1:3] == DISTANCES)
    if loader in OBJECTS and parts[0] == 'sklearn' and known and all(map(WORD.fullmatch, [*parts, str(kind)])):
        return
    raise UnsupportedError(
        f'{where}: holds {module}.{kind} (by {loader}); taken are scikit-learn’s own estimators and plain values\n'
        'what to try: a pipeline without functions and classes of your own'
    )
