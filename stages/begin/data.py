"""Samples for a recipe: which reader reads a file or folder of them as it is, and the lines of ``data`` that say so."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from stages.begin import try_readers
from stages.begin.confined import Scratch
from stages.begin.model import Model
from stages.begin.text import comment, scalar
from stages.contract.port import BATCH, Contract
from stages.digest import path_digest
from stages.errors import RecipeError
from stages.paths import files_below
from stages.recipe.roles import SHARE


@dataclass(frozen=True)
class Samples:
    """Samples as they were found."""

    path: Path | None = None
    reader: str = ''
    roles: tuple[str, ...] = ()
    """What the recipe does with them."""

    metric: str = ''
    output: str = ''
    """Of the model, which the metric reads; empty: the first."""

    arrays: Mapping[str, Any] = field(default_factory=dict)
    """Shape and type of what was read, by name."""


NOTHING: Final = Samples()


def look(path: Path, model: Model, scratch: Scratch) -> Samples:
    """Return what the samples at ``path`` are for ``model``, by trying every reader on them, confined.

    Raises RecipeError where there is no such file, where none of them reads it, or several do.
    """
    if not path.exists():
        raise RecipeError(f'{path}: there is no such file or folder')
    if model.contract is None:
        raise RecipeError(f'{path}: what reads samples goes by the model’s inputs, which its files do not tell')
    _copy(path.resolve(), laid := scratch.folder / 'samples' / path.name)
    params = {'share': SHARE, 'sizes': dict(model.sizes)}
    answer, _ = scratch.ask(
        try_readers.__name__, params, tools=try_readers.TOOLS, inputs={'file': laid.parent if path.is_file() else laid},
        declared=model.contract,
    )  # fmt: skip
    found, said = answer['found'], answer['said']
    if len(found) > 1:
        raise RecipeError(f'{path}: can be read in {len(found)} ways: {", ".join(found)}; write `data` into the recipe')
    if not found:
        each = ''.join(f'\n{word}: {words}' for word, words in said.items())
        raise RecipeError(f'{path}: no reader reads it as it is{each}')
    [(word, read)] = found.items()
    roles = ('calibrate', 'evaluate') if read['both'] else ('evaluate',)
    metric, output = _metric(model.contract, read['largest']) if 'labels' in read['arrays'] else ('', '')
    return Samples(path.resolve(), word, roles, metric, output, read['arrays'])


def lines(found: Samples, staged: Path, name: str) -> Sequence[str]:
    """Return the lines of ``data``, and copy the samples below recipes/files/; comments where there are none."""
    if found.path is None:
        return [
            *comment(
                'Without data every variant is compared with the source on made-up inputs. With samples, accuracy is '
                'measured too, and kinds can calibrate: docs, “data without Python”.'
            ),
            '# data:',
            f'#   samples:   {{path: files/{name}/photos/, sha256: …, images: {{}}}}   # modelkiln digest PATH',
            '#   calibrate: {share: 0.2}',
            '#   evaluate:  {metric: top1}',
        ]
    where = f'files/{name}/samples' + ('' if found.path.is_dir() else found.path.suffix)
    _copy(found.path, staged / 'recipes' / where)
    entry = {'path': where + '/' * found.path.is_dir(), 'sha256': path_digest(found.path), found.reader: {}}
    read = ', '.join(f'{word} {dtype} {shape[1:]}' for word, (shape, dtype) in found.arrays.items())
    judged: dict[str, Any] = {'metric': found.metric} if found.metric else {}
    judged |= {'output': found.output} if found.output else {}
    head = comment(f'Each sample is read as {read}. What `{found.reader}` can be told beside: `modelkiln schema`.')
    if found.metric:
        head += comment('Scaling and colours that are not the training’s cost accuracy in silence: look at them.')
    elif 'labels' in found.arrays:
        head += comment('No output has one score for each label; say how answers are judged: `metric`.')
    if 'calibrate' in found.roles:
        split = comment('A hash of each sample says on which side it is: what calibrates never judges.')
        both = [f'  samples:   {scalar(entry)}', f'  calibrate: {{share: {SHARE}}}', f'  evaluate:  {scalar(judged)}']
        return [*head, *split, 'data:', *both]
    few = comment('Too few to calibrate with a part of them: all of them judge.')
    return [*head, *few, 'data:', f'  evaluate: {scalar(entry | judged)}']


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        files_below(path)  # refuses links
        shutil.copytree(path, to)
    else:
        shutil.copyfile(path, to)


def _metric(contract: Contract, largest: int) -> tuple[str, str]:
    """Return ``top1`` and the output it reads, where labels are whole numbers and an output has a score for each."""
    for place, port in enumerate(contract.outputs):
        rest = [size for axis, size in enumerate(port.shape) if axis != port.batch and size not in (1, BATCH)]
        leading = rest[:-1] if rest and isinstance(rest[0], str) else []  # a batch that the file does not call so
        scores = rest[len(leading) :]
        if largest >= 0 and len(scores) == 1 and isinstance(scores[0], int) and scores[0] > largest:
            return 'top1', port.name if place else ''
    return '', ''
