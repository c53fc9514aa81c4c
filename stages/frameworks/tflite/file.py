"""TFLite files as data: what may be in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from stages.errors import IntegrityError, UnsupportedError

MAGIC = b'TFL3'
INSIDE = {
    'TFLite_Detection_PostProcess', 'AudioSpectrogram', 'Mfcc', 'NumericVerify', 'aeq.hadamard_rotation',
    'Convolution2DTransposeBias', 'MaxPoolingWithArgmax2D', 'MaxUnpooling2D',
}  # fmt: skip
"""Operators that are custom by their form, and that LiteRT has all the same; those of the last line in XNNPACK only."""


def check(path: Path) -> set[str]:
    """Raise unless ``path`` is a TFLite file of operators that LiteRT has; it is read as data, by no runtime.

    Return those of them that are custom by their form.
    """
    from ai_edge_litert import schema_py_generated as schema

    if path.is_symlink():
        raise IntegrityError(f'{path.name}: is a link')
    data = path.read_bytes()
    if data[4:8] != MAGIC:
        raise IntegrityError(f'{path.name}: not a TFLite file')
    try:
        model = schema.Model.GetRootAs(data)
        codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
        custom = {code.CustomCode().decode(errors='replace') for code in codes if code.CustomCode()}
        graphs = model.SubgraphsLength()
    except Exception as error:  # whatever Python's reader stumbles over in a damaged file
        raise IntegrityError(f'{path.name}: a damaged TFLite file: {type(error).__name__}: {error}') from error
    if graphs < 1:
        raise IntegrityError(f'{path.name}: holds no graph')
    if foreign := sorted(custom - INSIDE):
        raise UnsupportedError(
            f'{path.name}: needs operators that LiteRT alone does not have: {", ".join(foreign)}\n'
            'what to try: convert the model without SELECT_TF_OPS and without custom operators'
        )
    return custom


def counted(path: Path) -> dict[str, int]:
    """Return how many operators of each kind the checked file at ``path`` has, most frequent first."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(path.read_bytes())
    words = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    names = [
        code.CustomCode().decode(errors='replace') if code.CustomCode()
        else words.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), '?')
        for code in codes
    ]  # fmt: skip
    graphs = (model.Subgraphs(i) for i in range(model.SubgraphsLength()))
    calls = (names[graph.Operators(i).OpcodeIndex()] for graph in graphs for i in range(graph.OperatorsLength()))
    return dict(Counter(calls).most_common())
