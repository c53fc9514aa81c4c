"""An .ort file as plain values, and back: the FlatBuffers of ONNX Runtime's own format, version 6.

The tables are those of its schema (onnxruntime/core/flatbuffers/schema/ort.fbs), which grow at their ends. A field that
stands in a file and not here is refused: nothing of a model is lost on the way.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final

from stages.errors import IntegrityError

IDENTIFIER: Final = b'ORTM'
DEEPEST: Final = 64
"""Tables in each other; a type of a sequence of maps has some ten, a graph in a graph four."""

TABLES: Final[Mapping[str, str]] = {
    'InferenceSession': 'ort_version:s model:Model _ kernel_type_str_resolver:Resolver',
    'Model': 'ir_version:q opset_import:[OpsetId] producer_name:s producer_version:s domain:s model_version:q '
    'doc_string:s graph:Graph graph_doc_string:s metadata_props:[Pair]',
    'Graph': 'initializers:[Tensor] node_args:[ValueInfo] nodes:[Node] max_node_index:I node_edges:[NodeEdge] '
    'inputs:[s] outputs:[s] sparse_initializers:[SparseTensor] _',
    'Node': 'name:s doc_string:s domain:s since_version:i index:I op_type:s type:i execution_provider_type:s '
    'inputs:[s] outputs:[s] attributes:[Attribute] input_arg_counts:[i] implicit_inputs:[s]',
    'NodeEdge': 'node_index:I input_edges:[Iii] output_edges:[Iii]',
    'Attribute': 'name:s doc_string:s type:i f:f i:q s:s t:Tensor g:Graph floats:[f] ints:[q] strings:[s] '
    'tensors:[Tensor] graphs:[Graph]',
    'Tensor': 'name:s doc_string:s dims:[q] data_type:i raw_data:[B] string_data:[s] external_data_offset:q',
    'SparseTensor': 'values:Tensor indices:Tensor dims:[q]',
    'ValueInfo': 'name:s doc_string:s type:TypeInfo',
    'TypeInfo': 'denotation:s value_type:B value:union',
    'TensorType': 'elem_type:i shape:Shape',
    'SequenceType': 'elem_type:TypeInfo',
    'MapType': 'key_type:i value_type:TypeInfo',
    'Shape': 'dim:[Dimension]',
    'Dimension': 'value:DimensionValue denotation:s',
    'DimensionValue': 'dim_type:b dim_value:q dim_param:s',
    'OpsetId': 'domain:s version:q',
    'Pair': 'key:s value:s',
    'Resolver': 'op_kernel_type_str_args:[OpEntry]',
    'OpEntry': 'op_id:s kernel_type_str_args:[TypeEntry]',
    'TypeEntry': 'kernel_type_str:s args:[Argument]',
    'Argument': 'arg_type:b index:I',
}
"""By table, its fields in order: ``s`` text, another table, a number as ``struct`` writes it, or a list of one of
these; three numbers are a struct that stands in the list itself. ``_``: what no file of today has."""

FIELDS: Final = {name: [field.partition(':')[::2] for field in fields.split()] for name, fields in TABLES.items()}
UNION: Final = ('', 'TensorType', 'SequenceType', 'MapType')
"""What a ``TypeInfo`` holds, by its number."""


def read(data: bytes) -> dict[str, Any]:
    """Return the root table of a file: each table a dict of the fields that stand in it. Raises IntegrityError."""
    if data[4:8] != IDENTIFIER:
        raise IntegrityError('no file of the .ort format')
    try:
        return _table(memoryview(data), struct.unpack_from('<I', data)[0], 'InferenceSession', 0)
    except (struct.error, IndexError, ValueError) as error:
        raise IntegrityError(f'a damaged .ort file, or one of another version: {error}') from error


def _table(data: memoryview, place: int, name: str, depth: int) -> dict[str, Any]:
    if depth > DEEPEST:
        raise ValueError('tables in each other without end')
    slots = place - struct.unpack_from('<i', data, place)[0]
    count = (struct.unpack_from('<H', data, slots)[0] - 4) // 2
    found: dict[str, Any] = {}
    for number, offset in enumerate(struct.unpack_from(f'<{count}H', data, slots + 4)):
        if not offset:
            continue
        field, kind = FIELDS[name][number] if number < len(FIELDS[name]) else ('_', '')
        if field == '_':
            raise ValueError(f'{name} has a field {number} that is not known here')
        if kind == 'union':
            kind = UNION[found['value_type']]
        found[field] = _value(data, place + offset, kind, depth)
    return found


def _value(data: memoryview, place: int, kind: str, depth: int) -> Any:
    if len(kind) == 1 and kind != 's':
        return struct.unpack_from(f'<{kind}', data, place)[0]
    at = place + struct.unpack_from('<I', data, place)[0]
    if kind == 's':
        return bytes(_part(data, at)).decode('utf-8', 'surrogateescape')
    if not kind.startswith('['):
        return _table(data, at, kind, depth + 1)
    count, kind = struct.unpack_from('<I', data, at)[0], kind[1:-1]
    if kind == 'B':
        return bytes(_part(data, at))
    if kind in TABLES or kind == 's':
        return [_value(data, at + 4 + 4 * number, kind, depth) for number in range(count)]
    found = struct.unpack_from(f'<{count * len(kind)}{kind}' if len(kind) == 1 else f'<{kind * count}', data, at + 4)
    return list(found) if len(kind) == 1 else [found[n : n + len(kind)] for n in range(0, len(found), len(kind))]


def _part(data: memoryview, at: int) -> memoryview:
    size = struct.unpack_from('<I', data, at)[0]
    if at + 4 + size > len(data):
        raise ValueError('it is cut short')
    return data[at + 4 : at + 4 + size]


def written(root: Mapping[str, Any]) -> bytes:
    """Return the file of a root table; equal tables are equal bytes."""
    import flatbuffers  # type: ignore[import-untyped]

    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(_write(builder, root, 'InferenceSession'), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _write(builder: Any, table: Mapping[str, Any], name: str) -> int:
    """Write a table behind all that it names; return its place."""
    placed: list[tuple[int, str, Any]] = []
    for number, (field, kind) in enumerate(FIELDS[name]):
        if field in table:
            kind = UNION[table['value_type']] if kind == 'union' else kind
            value = table[field]
            placed.append((number, kind, value if len(kind) == 1 and kind != 's' else _place(builder, value, kind)))
    builder.StartObject(len(FIELDS[name]))
    for number, kind, value in placed:
        if len(kind) == 1 and kind != 's':
            _number(builder, kind, value)
        else:
            builder.PrependUOffsetTRelative(value)
        builder.Slot(number)
    return int(builder.EndObject())


def _place(builder: Any, value: Any, kind: str) -> int:
    import numpy as np

    if kind == 's':
        return int(builder.CreateSharedString(value.encode('utf-8', 'surrogateescape')))
    if kind in TABLES:
        return _write(builder, value, kind)
    kind = kind[1:-1]
    if kind == 'B':
        return int(builder.CreateByteVector(value))
    if kind in TABLES or kind == 's':
        places = [_place(builder, each, kind) for each in value]
        builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            builder.PrependUOffsetTRelative(place)
        return int(builder.EndVector())
    if len(kind) == 1:
        return int(builder.CreateNumpyVector(np.array(value, f'<{kind}')))
    builder.StartVector(struct.calcsize(f'<{kind}'), len(value), 4)
    for each in reversed(value):
        for number, letter in reversed(list(zip(each, kind, strict=True))):
            _number(builder, letter, number)
    return int(builder.EndVector())


def _number(builder: Any, kind: str, value: Any) -> None:
    prepend = {
        'b': builder.PrependInt8, 'B': builder.PrependUint8, 'i': builder.PrependInt32, 'I': builder.PrependUint32,
        'q': builder.PrependInt64, 'f': builder.PrependFloat32,
    }  # fmt: skip
    prepend[kind](value)
