"""Weights of an ONNX model that lie in files beside it: taken in from strangers, put out in one fixed layout.

ONNX's own loader is not asked: names with paths, links, and attributes that it did not know have each led it astray.
"""

from __future__ import annotations

import math
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stages.errors import IntegrityError, RecipeError
from stages.frameworks.onnx import walk
from stages.paths import plain

if TYPE_CHECKING:
    import onnx

KEYS = {'location', 'offset', 'length', 'checksum'}
PAGE = 4096
PACKED = {'UINT4': 4, 'INT4': 4, 'FLOAT4E2M1': 4, 'UINT2': 2, 'INT2': 2}
"""Bits of the types that are smaller than a byte; an older onnx, as some environments need, lacks the youngest."""
LISTS = ('float_data', 'int32_data', 'string_data', 'int64_data', 'double_data', 'uint64_data')
COMPLEX = (14, 15)
"""Types of numbers that are two each."""

SMALL = 1024
"""Tensors of fewer bytes stay in the graph, where shapes are read from them."""


def tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield every tensor of ``model`` wherever one can stand: weights, constants, defaults of functions, sparse."""
    import onnx

    yield from walk.messages(model, onnx.TensorProto)


def locations(model: onnx.ModelProto) -> list[str]:
    """Return the names of the files in which weights of ``model`` lie, as it says them; nothing of it is checked."""
    import onnx

    said = (t.external_data for t in tensors(model) if t.data_location == onnx.TensorProto.EXTERNAL)
    return sorted({entry.value for entries in said for entry in entries if entry.key == 'location'})


def take_in(model: onnx.ModelProto, files: Mapping[str, Path]) -> None:
    """
    Move the weights that lie in ``files`` (by name) into ``model``.

    Raises IntegrityError for a name that is more than a name, a file that is not there or is a link, a part that
    reaches beyond its file or does not hold what its tensor says, and parts that are used more than once.
    """
    import onnx

    used: Counter[str] = Counter()
    for tensor in tensors(model):
        _check_size(tensor)
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        name, offset, length = _place(tensor, files)
        used[name] += length
        size = files[name].stat().st_size
        if used[name] > size:  # a small file must not become a mountain in memory
            raise IntegrityError(f'{name}: the tensors together take more than its {size:,} bytes')
        with files[name].open('rb') as file:
            file.seek(offset)
            tensor.raw_data = file.read(length)
        del tensor.external_data[:]
        tensor.ClearField('data_location')


def put_out(model: onnx.ModelProto, path: Path) -> None:
    """Move the large weights of ``model`` into ``path``, in the order of the graph, each at the start of a page."""
    import onnx
    from onnx import numpy_helper

    with path.open('xb') as file:
        for tensor in model.graph.initializer:
            if tensor.data_type == onnx.TensorProto.STRING or size_of(tensor) < SMALL:
                continue
            if not tensor.HasField('raw_data'):
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name))
            file.write(bytes(-file.tell() % PAGE))
            values = {'location': path.name, 'offset': file.tell(), 'length': len(tensor.raw_data)}
            file.write(tensor.raw_data)
            tensor.ClearField('raw_data')
            tensor.data_location = onnx.TensorProto.EXTERNAL
            for key, value in values.items():
                tensor.external_data.add(key=key, value=str(value))


def size_of(tensor: onnx.TensorProto) -> int:
    """Return the bytes that the elements of ``tensor`` take."""
    if any(d < 0 for d in tensor.dims):
        raise IntegrityError(f'tensor {tensor.name!r}: negative dimension in {list(tensor.dims)}')
    return -(-int(math.prod(tensor.dims)) * width(f'tensor {tensor.name!r}', tensor.data_type) // 8)


def width(what: str, kind: int) -> int:
    """Return the bits of one element of this type."""
    import onnx

    known = dict(onnx.TensorProto.DataType.items())
    packed = {known[name]: bits for name, bits in PACKED.items() if name in known}
    try:
        return packed.get(kind) or 8 * int(onnx.helper.tensor_dtype_to_np_dtype(kind).itemsize)
    except (KeyError, ValueError) as error:
        raise IntegrityError(f'{what}: there is no element type {kind}') from error


def _check_size(tensor: onnx.TensorProto) -> None:
    """Refuse a tensor whose elements inside the file are fewer or more than its shape says."""
    import onnx

    wanted = size_of(tensor)
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return
    if tensor.HasField('raw_data'):
        if (held := len(tensor.raw_data)) != wanted:
            raise IntegrityError(f'tensor {tensor.name!r}: holds {held:,} bytes; {list(tensor.dims)} takes {wanted:,}')
        return
    listed = {field: len(getattr(tensor, field)) for field in LISTS if getattr(tensor, field)}
    packed = width('', tensor.data_type) < 8  # several in a byte, and a byte in a number
    count = wanted if packed else int(math.prod(tensor.dims)) * (2 if tensor.data_type in COMPLEX else 1)
    if sum(listed.values()) != count or len(listed) > 1:
        raise IntegrityError(
            f'tensor {tensor.name!r}: holds {sum(listed.values()):,} numbers; {list(tensor.dims)} takes {count:,}'
        )


def _place(tensor: onnx.TensorProto, files: Mapping[str, Path]) -> tuple[str, int, int]:
    """Return the file, offset and length of ``tensor``, each checked."""
    what = f'tensor {tensor.name!r}: external data'
    keys = [entry.key for entry in tensor.external_data]
    if len(set(keys)) != len(keys) or not set(keys) <= KEYS or 'location' not in keys:
        raise IntegrityError(f'{what} has the keys {keys}; expected location, offset, length, each at most once')
    said = {entry.key: entry.value for entry in tensor.external_data}
    name = said['location']
    try:
        plain(name)
    except RecipeError as error:
        raise IntegrityError(f'{what}: {error}') from error
    if '/' in name:
        raise IntegrityError(f'{what}: {name!r} must be the plain name of a file beside the model')
    if name not in files:
        there = ', '.join(sorted(files)) or 'nothing'
        raise IntegrityError(f'{what} lies in {name!r}, which was not fetched; fetched: {there}')
    found = files[name].lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise IntegrityError(f'{what}: {name!r} is a link, not a plain file')
    wanted = size_of(tensor)
    offset, length = _number(what, said.get('offset', '0')), _number(what, said.get('length', str(wanted)))
    if length != wanted:
        raise IntegrityError(f'{what} is {length:,} bytes; {list(tensor.dims)} takes {wanted:,}')
    if offset + length > found.st_size:
        raise IntegrityError(f'{what} ends at byte {offset + length:,}; {name!r} has {found.st_size:,}')
    return name, offset, length


def _number(what: str, word: str) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) < 20):
        raise IntegrityError(f'{what}: {word[:40]!r} is no number of bytes')
    return int(word)
