"""What a tool said when it refused a model, in a message that says what to try."""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Iterator

from stages.errors import ModelkilnError, UnsupportedError

LINES = 12
OPERATORS = (
    r"operator ['\"]?([\w:.]+)['\"]?",
    r'No creator found for (\w+) node',
    r'((?:aten|quantized|prim|torchvision)::?[\w.]+)',
    r"op[_ ]type[:=]? ?['\"]?(\w+)",
)


@contextlib.contextmanager
def refusal(tool: str, advice: str) -> Iterator[None]:
    """Turn whatever ``tool`` raises inside into an UnsupportedError with its last words and ``advice``."""
    try:
        yield
    except (ModelkilnError, MemoryError, ModuleNotFoundError):
        raise
    except Exception as error:
        words = [line.rstrip() for line in str(error).splitlines() if line.strip()] or [repr(error)]
        found = operator(str(error))
        head = f'{tool} cannot do this to this model' + (f' (operator {found})' if found else '')
        said = '\n'.join('  ' + line[:300] for line in words[-LINES:])
        msg = f'{head}: {type(error).__name__}\n{said}\nwhat to try: {advice}'
        raise UnsupportedError(msg) from error


def operator(words: str) -> str | None:
    """Return the operator that ``words`` complain about, if they name one."""
    for pattern in OPERATORS:
        if match := re.search(pattern, words):
            return match[1]
    return None


@contextlib.contextmanager
def deprecations_silenced() -> Iterator[None]:
    """Silence torch's notices that jit, ao.quantization and the legacy exporter will go; nothing else."""
    words = (
        r'(?s).*torch\.jit\.\w+` is deprecated',
        r'(?s).*torch\.ao\.quantization is deprecated',
        r'(?s).*legacy TorchScript-based ONNX export',
        r'(?s).*The feature will be removed',
        r'(?s).*torch\.jit\.\w+ is deprecated',
        r'(?s).*isinstance\(treespec, LeafSpec\)',
        r'(?s).*quantized tensor creation functions.*are deprecated',
        r'(?s).*TypedStorage is deprecated',
        r'(?s).*reduce_range will be deprecated',
        r'(?s).*must run observer before calling calculate_qparams',  # on purpose, when a transform is replayed
    )
    # torchvision is absent on purpose; the exporter logs a line for each of its operators
    logging.getLogger('torch.onnx._internal.exporter._registration').setLevel(logging.ERROR)
    with warnings.catch_warnings():
        for message in words:
            warnings.filterwarnings('ignore', message=message)
        yield
