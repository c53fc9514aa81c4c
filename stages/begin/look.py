"""Look at a model, by its content or by what its Python builds. What opens it is a process of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from stages.begin import builder, read, recognise, sizes
from stages.begin.confined import Scratch
from stages.begin.model import File, Model
from stages.contract.port import BATCH, Contract, read_contract
from stages.digest import path_digest
from stages.engines import engine_for
from stages.errors import ModelkilnError, RecipeError, StepError, ToolError
from stages.execute import tools
from stages.feed.samples import dimensions
from stages.paths import files_below, plain
from stages.sources import SOURCES
from stages.sources.fetched import GRAPH, PAIRS

TRIAL_SECONDS: Final = 90.0

NAMES_OTHERS: Final = (GRAPH, *(ending for graphs, _ in PAIRS.values() for ending in graphs))
"""How a file is called that does not say where the rest of its model lies: what lies beside it is looked at, too."""


def look(
    path: Path,
    scratch: Scratch,
    options: Mapping[str, Any] | None = None,
    *,
    declared: Contract | None = None,
    weights: Path | None = None,
    trial: bool = True,
) -> Model:
    """Return the model at ``path``, a file or a folder, read as its source reads it; or what Python there builds.

    ``options`` is what the source is told beside the files, ``declared`` what the user says of its ports, ``weights``
    the file of them that goes with Python (``net.py:build``).
    ``trial``: also run it where the file leaves sizes open. Raises RecipeError where there is no such file or its
    content is no model of any source, ToolError where what reads it is not installed, else what the source says.
    """
    if made := builder.builder(path):
        return _built(made, scratch, options or {}, declared, weights, trial=trial)
    if weights:
        raise RecipeError(f'--weights goes with Python that builds a model, like net.py:build; {path} is none')
    if not path.exists():
        raise RecipeError(f'{path}: there is no such file or folder')
    path = path.resolve()
    format, folder, places = _format(path, scratch)
    files = tuple(_file(path, place, folder, name) for place, name in places.items())
    _require(path, format)
    _lay_out(files, laid := scratch.folder / 'laid')
    found = Model(format, files, dict(options or {}), None)
    return _read(found, dict(options or {}), {'file': laid}, declared, scratch, trial=trial)


def _built(
    made: builder.Builder, scratch: Scratch, options: Mapping[str, Any], declared: Contract | None,
    weights: Path | None, *, trial: bool,
) -> Model:  # fmt: skip
    """Return the model that Python builds, with its weights where they are a file of their own."""
    if declared is None:
        raise RecipeError(f'{made.file}: Python does not say what its model takes; say it: {builder.EXAMPLE}')
    if weights and not weights.is_file():
        raise RecipeError(f'{weights}: there is no such file')
    _require(made.file, made.format)
    python = _file(made.file, f'models/{made.file.name}', made.file.parent, made.file.name)
    held = [_file(weights, weights.name, weights.resolve().parent, weights.resolve().name)] if weights else []
    _lay_out((python,), scratch.folder / 'python' / 'models')
    inputs = {'python': scratch.folder / 'python'}
    if held:
        _lay_out(tuple(held), scratch.folder / 'weights')
        inputs['weights'] = scratch.folder / 'weights'
    found = Model(made.format, (python, *held), options, None, function=made.function)
    told = {**options, 'file': python.place, 'function': made.function}
    return _read(found, told, inputs, declared, scratch, trial=trial)


def _read(
    found: Model, told: Mapping[str, Any], inputs: Mapping[str, Path], declared: Contract | None, scratch: Scratch, *,
    trial: bool,
) -> Model:  # fmt: skip
    """Return ``found`` with what its source reads of it."""
    source = SOURCES[found.format]
    params = {'format': found.format, 'options': dict(told)}
    try:
        answer, left = scratch.ask(
            read.__name__, params, tools=source.TOOLS, inputs=inputs, declared=declared, environment=source.ENVIRONMENT
        )
    except StepError as error:
        if declared is None and 'inputs: {' in str(error):  # a recipe's words, and there is none yet
            raise StepError(f'{error}\nhere: {builder.EXAMPLE}') from error
        raise
    found = replace(found, operators=answer['operators'], holds=tuple(answer['holds']))
    if answer['holds'] or not (left / 'contract.json').exists():
        return found
    found = replace(found, contract=read_contract(left), folder=left)
    return _run(found, left, scratch) if trial else found


def _format(path: Path, scratch: Scratch) -> tuple[str, Path, dict[str, str]]:
    """Return the format of what lies at ``path``, its folder, and its files by their places."""
    look_at = [path, path.parent] if path.name.endswith(NAMES_OTHERS) else [path]
    answer, _ = scratch.ask(recognise.__name__, {'path': str(path)}, tools=recognise.TOOLS, read=look_at)
    readings = answer['readings']
    if len(readings) > 1:
        each = ', '.join(f'{one["format"]} ({", ".join(n for n in one["files"].values())})' for one in readings)
        raise RecipeError(f'{path}: can be read in {len(readings)} ways: {each}\nname the file that is meant')
    if not readings:
        known = ', '.join(format for format in SOURCES)
        said = ''.join(f'\n{words}' for words in answer['said'])
        raise RecipeError(f'{path}: its content is no model of {known}{said}')
    [one] = readings
    return one['format'], Path(one['folder']), one['files']


def _file(path: Path, place: str, folder: Path, name: str) -> File:
    """Return a file of the model; its name is the model's word, and is believed only where it lies beside it."""
    if name != '.':
        try:
            plain(name)
        except RecipeError as error:
            raise StepError(f'{path}: it names a file beside it, {error}') from error
    file = folder / name
    if not file.exists():
        raise StepError(f'{path}: {name}, which belongs to it, does not lie beside it')
    below = files_below(file) if file.is_dir() else [file]
    return File(place, file, sum(one.stat().st_size for one in below), path_digest(file))


def _require(path: Path, format: str) -> None:
    source = SOURCES[format]
    if source.ENVIRONMENT:
        return
    missing = [tool for tool, v in tools.versions(source.TOOLS, tools.installed()).items() if v == tools.MISSING]
    if missing:
        raise ToolError(f'{path}: to read it {", ".join(missing)} is needed; run: {tools.remedy(missing)}')


def _lay_out(files: tuple[File, ...], folder: Path) -> None:
    folder.mkdir(parents=True)
    for file in files:
        if file.path.is_dir():
            shutil.copytree(file.path, folder, dirs_exist_ok=True)
        else:
            shutil.copyfile(file.path, folder / PurePosixPath(file.place).name)


def _run(found: Model, left: Path, scratch: Scratch) -> Model:
    """Return the model with what a trial shows of its open dimensions, where its engine is installed."""
    assert found.contract is not None
    engine = engine_for(found.format)
    candidate = sizes.with_batch(found.contract)
    open_ = dimensions(found.contract)
    if engine is None or not (candidate or (open_ - {BATCH} if engine.ENVIRONMENT else open_)):
        return found
    used = [*engine.TOOLS]
    if not engine.ENVIRONMENT and (
        lacks := [tool for tool, v in tools.versions(used, tools.installed()).items() if v == tools.MISSING]
    ):
        return replace(found, unrun=f'{", ".join(lacks)} is not installed')
    try:
        answer, _ = scratch.ask(
            sizes.__name__, {'engine': engine.ENGINE}, tools=used, inputs={'model': left}, seconds=TRIAL_SECONDS,
            environment=engine.ENVIRONMENT,
        )  # fmt: skip
    except ModelkilnError as error:
        return replace(found, unrun=str(error))
    contract = candidate if answer['batch'] and candidate else found.contract
    chosen = dict.fromkeys(sorted(dimensions(contract) - {BATCH}), int(answer['size'])) if answer['size'] else {}
    return replace(
        found, contract=contract, sizes=chosen, batch_shown=bool(answer['batch']), unrun=answer['said'],
    )  # fmt: skip
