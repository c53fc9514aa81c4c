"""The signatures of a TFLite file: of several one is meant, and whoever reads the file later sees that one alone."""

from __future__ import annotations

from typing import Any, Final

from stages.errors import StepError

SERVING: Final = 'serving_default'


def chosen(file: str, data: bytes, name: str) -> bytes:
    """
    Return the file with the signature ``name`` alone, its graph the first; without ``name`` the usual or the only one.

    The bytes stay as they are where nothing is to be chosen. Raises StepError, with the names, where that is open.
    """
    from ai_edge_litert import schema_py_generated as schema

    read = schema.Model.GetRootAs(data)
    keys = [read.SignatureDefs(i).SignatureKey().decode() for i in range(read.SignatureDefsLength())]
    wanted = name or (SERVING if SERVING in keys else keys[0] if len(keys) == 1 else '')
    if wanted not in keys and (keys or name):
        has = f'has no signature {name!r}; it has {", ".join(keys) or "none"}' if name else f'has {", ".join(keys)}'
        raise StepError(f'{file}: {has}\nsay which signature in `source`: `signature: NAME`')
    if len(keys) < 2:
        return data
    model = schema.ModelT.InitFromObj(read)
    for buffer in model.buffers:
        if buffer.offset > 1:
            raise StepError(f'{file}: keeps weights behind its graph, and several signatures; save one signature alone')
    at = keys.index(wanted)
    place = model.signatureDefs[at].subgraphIndex
    model.signatureDefs = [model.signatureDefs[at]]
    model.signatureDefs[0].subgraphIndex = 0
    graphs = model.subgraphs
    graphs[0], graphs[place] = graphs[place], graphs[0]
    for graph in graphs:
        for operator in graph.operators or []:
            for options in (operator.builtinOptions, operator.builtinOptions2):
                _follow(options, {0: place, place: 0})
    return _packed(model)


def _follow(options: Any, moved: dict[int, int]) -> None:
    """Let an operator that runs other graphs find them where they are now."""
    for field, value in vars(options).items() if options is not None else ():
        if (field.endswith('SubgraphIndex') or field == 'subgraph') and value in moved:
            setattr(options, field, moved[value])
        elif field == 'calledComputations' and value is not None:
            setattr(options, field, [moved.get(int(each), int(each)) for each in value])


def _packed(model: Any) -> bytes:
    import flatbuffers  # type: ignore[import-untyped]

    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b'TFL3')
    return bytes(builder.Output())
