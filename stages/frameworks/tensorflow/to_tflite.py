"""TensorFlow's converter to TFLite; where it calibrates, in a process of its own, because there it may crash."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.contract.port import Contract
from stages.errors import StepError, UnsupportedError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

CRASHES: Final = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}


@dataclass(frozen=True)
class Wanted:
    """What to convert, and how."""

    folder: Path
    contract: Contract
    quantize: str
    advice: str
    """What to try where the converter refuses."""

    calibrate: Path | None = None
    samples: int = 0
    keep: tuple[str, ...] = ()
    """Globs over what operators give: those stay float."""


Progress = Callable[[float, str], None]


def convert(wanted: Wanted, progress: Progress) -> bytes:
    """Return the model as TFLite: its signature has the contract's names, its ports their order."""
    from stages.feed.calibration import calibration
    from stages.frameworks.refusal import refusal
    from stages.frameworks.tensorflow import graph as tensorflow_graph
    from stages.frameworks.tensorflow import model as tensorflow_model
    from stages.frameworks.tflite import names

    contract = wanted.contract
    inputs = names.aliases([port.name for port in contract.inputs])
    outputs = names.aliases([port.name for port in contract.outputs])
    tf = tensorflow_model.framework()
    graph = tensorflow_graph.graph(wanted.folder, contract, tuple(inputs.values()), tuple(outputs.values()))
    holder = tf.Module()
    holder.held = list(graph.function.graph.variables)  # else a Keras model's variables stay behind, unset
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph.function], holder)
    if wanted.quantize != 'none':
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if wanted.quantize == 'f16':
        converter.target_spec.supported_types = [tf.float16]
    if wanted.calibrate:
        feeds = calibration(wanted.calibrate, contract, wanted.samples)
        converter.representative_dataset = lambda: _calibrating(feeds, inputs, progress)
    with tensorflow_model.deprecations_silenced(), refusal('TFLite', wanted.advice):
        try:
            made = converter.convert()
        except Exception as error:
            raise RuntimeError(told(str(error))) from error
    if wanted.keep:
        kept = names.meant(made, wanted.keep)
        with tensorflow_model.deprecations_silenced(), refusal('TFLite', wanted.advice):
            made = _partly(tf, converter, kept)
        names.in_float(made, kept)
    return names.finished(made, inputs, outputs)


def _partly(tf: Any, converter: Any, kept: Sequence[str]) -> bytes:
    """Return the int8 model but for the operators that give ``kept``: the debugger alone can leave some out."""
    from stages.frameworks.tflite import names

    debug = tf.lite.experimental
    options = debug.QuantizationDebugOptions(denylisted_nodes=names.before_numbering(kept))
    debugger = debug.QuantizationDebugger(
        converter=converter, debug_dataset=converter.representative_dataset, debug_options=options
    )
    return bytes(debugger.get_nondebug_quantized_model())


def told(words: str) -> str:
    """Return what the converter complains about, the operator first, without its listing of the graph."""
    kinds = re.findall(r"TF Select ops: (\w+)|operation '(?:\w+\.)?(\w+)'|'(?:tf|tfl)\.(\w+)' op", words)
    names = list(dict.fromkeys(name for found in kinds for name in found if name))
    lines = [re.sub(r'^.*?\berror: ', '', line) for line in words.splitlines() if 'error: ' in line]
    said = list(dict.fromkeys(lines)) or [line for line in words.splitlines() if line.strip()][-4:]
    return '\n'.join([*([f'operator {name}' for name in names[:1]]), *said])


def convert_apart(wanted: Wanted, progress: Progress) -> bytes:
    """Return what ``convert`` does, from a process of its own: its calibrator crashes on loops (recurrent cells).

    Raises UnsupportedError where the process does not survive it.
    """
    import multiprocessing

    context = multiprocessing.get_context('spawn')
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(theirs, wanted))
    process.start()
    theirs.close()
    answer: tuple[str, Any] = ('', None)
    try:
        while answer[0] not in ('made', 'error'):
            answer = ours.recv()
            if answer[0] == 'progress':
                progress(*answer[1])
    except EOFError:  # it ended without a last word
        answer = ('', None)
    finally:
        if answer[0] not in ('made', 'error', ''):
            process.kill()
        process.join()
        ours.close()
    word, value = answer
    if word == 'made':
        return bytes(value)
    if word == 'error':
        raise {'UnsupportedError': UnsupportedError}.get(value[0], StepError)(value[1])
    ended = process.exitcode or 0
    if -ended in CRASHES:
        raise UnsupportedError(
            f'TFLite cannot do this to this model: its calibration was killed by signal {-ended} '
            f'({signal.Signals(-ended).name}), as it is by loops (the cells of an LSTM or GRU)\n'
            'what to try: tflite: {quantize: dynamic}, which needs no calibration; '
            'recurrent layers that were saved with unroll=True; or [onnx, onnx-quantize]'
        )
    raise StepError(f'the process that calibrates ended with {ended} and left nothing')


def _child(parent: Connection, wanted: Wanted) -> None:
    """Convert, and tell the parent how far it is, then what came of it."""
    try:
        made = convert(wanted, lambda fraction, words: parent.send(('progress', (fraction, words))))
    except StepError as error:
        parent.send(('error', (type(error).__name__, str(error))))
    except Exception as error:
        parent.send(('error', (type(error).__name__, f'{type(error).__name__}: {error}')))
        raise
    else:
        parent.send(('made', made))


def _calibrating(
    feeds: Sequence[dict[str, Any]], names: dict[str, str], progress: Progress
) -> Iterator[dict[str, Any]]:
    for done, feed in enumerate(feeds, 1):
        yield {names[name]: array for name, array in feed.items()}
        progress(done / len(feeds), f'calibrating {done}/{len(feeds)}')
