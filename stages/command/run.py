"""Run an artifact once: arrays from files in, arrays out. DIR is its folder, or one whose `best` or `current` names it.

Without --output it says what came out. Inputs are NAME=FILE.npy, or FILE.npz with arrays by their names; state that
the model carries may be left out. What does not fit the artifact's contract is one sentence, and exit 2.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stages.contract.port import listed
from stages.deliver.load import Model, load
from stages.deliver.place import artifact_in
from stages.document.manifest import read_manifest
from stages.errors import FeedError
from stages.feed.npz import read_npy, read_npz, write_npz

if TYPE_CHECKING:
    import numpy


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('folder', metavar='DIR', type=Path, help='the artifact')
    parser.add_argument('--input', action='append', default=[], metavar='NAME=FILE', help='NAME=x.npy, or x.npz')
    parser.add_argument('--output', type=Path, metavar='FILE', help='where to write what comes out: x.npz')
    parser.add_argument('--threads', type=_positive, metavar='N', help='instead of those that it was measured on')
    parser.add_argument('--floats', action='store_true', help='real numbers in and out of a quantized model')


def run(asked: argparse.Namespace) -> int:
    if asked.output and (asked.output.suffix != '.npz' or asked.output.exists()):
        raise FeedError(f'{asked.output}: {"is there already" if asked.output.exists() else "expected a name in .npz"}')
    named = [port.name for port in read_manifest(artifact_in(asked.folder)).inputs]
    feed = given(asked.input, named)
    begun = time.perf_counter()
    with load(asked.folder, threads=asked.threads, floats=asked.floats) as model:
        loaded = time.perf_counter()
        if not asked.input and any(not port.carries for port in model.inputs):
            raise FeedError(f'{model.manifest.name} takes {listed(model.inputs)}; give each with --input NAME=FILE')
        answers = model.run(feed)
        done = time.perf_counter()
        if asked.output:
            write_npz(asked.output, answers)
        _say(model, answers, loaded - begun, done - loaded)
    return 0


def given(inputs: Sequence[str], named: Sequence[str]) -> dict[str, numpy.ndarray]:
    """Return the arrays that ``--input`` names, for a model with inputs of the names ``named``.

    Raises FeedError for what is no file of arrays.
    """
    feed: dict[str, numpy.ndarray] = {}
    for each in inputs:
        name, path = _meant(each, named)
        try:
            read = {name: read_npy(path)} if name and path.suffix != '.npz' else read_npz(path)
        except (OSError, ValueError) as error:
            raise FeedError(f'{path}: is no file of arrays: {error}') from error
        if name and path.suffix == '.npz':
            if name not in read:
                raise FeedError(f'{path}: holds no {name}; it holds {", ".join(read)}')
            read = {name: read[name]}
        feed |= read
    return feed


def _meant(each: str, named: Sequence[str]) -> tuple[str, Path]:
    """Return the name, empty where there is none, and the file: both may hold a ``=``."""
    known = max((name for name in named if each.startswith(f'{name}=')), key=len, default='')
    if not known and ('=' not in each or Path(each).is_file()):
        return '', Path(each)
    name = known or each.partition('=')[0]
    return name, Path(each[len(name) + 1 :])


def _say(model: Model, answers: dict[str, numpy.ndarray], loading: float, running: float) -> None:
    print(
        f'{model.manifest.name}  {model.manifest.engine}, {model.threads} thread{"s" * (model.threads != 1)}; '
        f'loaded in {loading * 1e3:.1f} ms, first run {running * 1e3:.1f} ms'
    )
    for name, array in answers.items():
        first = ', '.join(str(value) for value in array.ravel()[:4])
        print(f'  {name:<20} {array.dtype} {list(array.shape)}  {first}{", …" * (array.size > 4)}')


def _positive(text: str) -> int:
    if int(text) < 1:
        raise ValueError
    return int(text)
