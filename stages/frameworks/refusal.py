"""What a tool said when it refused a model, in a message that says what to try."""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stages.errors import ModelkilnError, UnsupportedError

LINES = 12
ROOT = str(Path(__file__).resolve().parents[1]) + '/'

# a name, and no word of a sentence: "operator is not supported" names none
PROSE = r'(?!(?:a|and|are|as|by|cannot|for|from|has|in|is|not|of|on|or|set|that|the|this|to|was|with)\b)'
WORD = rf'{PROSE}[A-Za-z_]\w*(?:(?:\.|::?)\w+)*'
LIST = rf'{WORD}(?:, *{WORD})*'
OPERATORS = (
    rf'[Nn]o conversion rule found for operations?: *({LIST})',  # OpenVINO
    rf'not support the following \w+ operations?: *({LIST})',
    rf'[Cc]onversion is failed for: *({WORD})',
    rf"doesn't support ({WORD}) operation",
    rf'operators are not supported[^:\n]*: *\[?\'?({LIST})',  # TVM
    rf'[Cc]ould not find an implementation for ({WORD})\(',  # ONNX Runtime
    rf'In Node, \("[^"]*", ({WORD}),',
    r'Exception during initialization: \S+ onnxruntime::(?:DeepCpu)?(\w+?)(?:Base|Op)?(?:<\w+>)?::',
    rf'Node \([^)]*\) Op \(({WORD})\)',
    rf'while running ({WORD}) node',
    rf'({WORD})\(-?\d+\) is not a registered function',
    rf'of operator \(({WORD})\)',
    rf'No Op registered for ({WORD})',  # onnx
    rf'Tensorflow op \[[^\]:]*: *({WORD})\]',  # tf2onnx
    rf'(?:Select|[Cc]ustom) ops?: *({LIST})',  # TFLite
    rf"operators? ['\"]?({WORD})",
    rf'No creator found for ({WORD}) node',
    r'((?:aten|quantized|prim|torchvision)::?\w+(?:\.\w+)*)',
    rf"op[_ ]?[tT]ype[:=]? ?['\"]?({WORD})",
)
"""Where the words of tools name operators, the surest first."""

OURS = (TypeError, AssertionError, LookupError, AttributeError, NameError, ArithmeticError, ValueError)
"""What is a mistake of whoever raised it; of a type of their own, or RuntimeError, is what tools refuse by."""


@dataclass(frozen=True)
class Refused:
    """What advice may depend on."""

    words: str
    """What the tool said."""

    operator: str | None
    """The operator that it named."""


Advice = str | Callable[[Refused], str]


@contextlib.contextmanager
def refusal(tool: str, advice: Advice) -> Iterator[None]:
    """
    Turn what ``tool`` raises inside into an UnsupportedError with its last words and ``advice``.

    Meant around the tool's own call, not around our work before and after it. Not the tool's refusal, and let through:
    errors of ours, those of the system (OSError, MemoryError), a missing package, and mistakes raised in our own code.
    """
    try:
        yield
    except (ModelkilnError, MemoryError, OSError, ImportError):
        raise
    except Exception as error:
        if isinstance(error, OURS) and raised_by_us(error):
            raise
        words = [line.rstrip() for line in str(error).splitlines() if line.strip()] or [repr(error)]
        found = operator(str(error))
        head = f'{tool} cannot do this to this model' + (f' (operator {found})' if found else '')
        said = '\n'.join('  ' + line[:300] for line in words[-LINES:])
        tried = advice if isinstance(advice, str) else advice(Refused(str(error), found))
        msg = f'{head}: {type(error).__name__}\n{said}\nwhat to try: {tried}'
        raise UnsupportedError(msg) from error


def raised_by_us(error: BaseException) -> bool:
    """Say whether the innermost frame of the code that raised ``error`` is in a file of this project."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename.startswith(ROOT)


def operator(words: str) -> str | None:
    """Return the operators that ``words`` complain about, if they name any."""
    for pattern in OPERATORS:
        if match := re.search(pattern, words):
            return ', '.join(dict.fromkeys(name.strip() for name in match[1].split(',')))
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
