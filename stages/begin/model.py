"""A model file as its content tells it: format, ports, operators, sizes. What opens it is a process of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from stages.begin import read, recognise, sizes
from stages.begin.confined import Scratch
from stages.contract.port import BATCH, Contract, read_contract
from stages.digest import path_digest
from stages.engines import engine_for
from stages.errors import ModelkilnError, RecipeError, StepError, ToolError
from stages.execute import tools
from stages.feed.samples import dimensions
from stages.paths import files_below, plain
from stages.sources import SOURCES

TRIAL_SECONDS: Final = 90.0


@dataclass(frozen=True)
class File:
    """One file or folder of a model."""

    place: str
    """Its name among those it belongs to; empty: a folder, as it is."""

    path: Path
    size: int
    """Bytes, of a folder with all below."""

    sha256: str


@dataclass(frozen=True)
class Model:
    """What a model file says of itself, and what running it showed."""

    format: str
    files: tuple[File, ...]
    options: Mapping[str, Any]
    """What its source was told beside the files."""

    contract: Contract | None
    """None: the files tell no ports, as those of weights."""

    operators: Mapping[str, int] = field(default_factory=dict)
    holds: tuple[Mapping[str, Any], ...] = ()
    """Of files of weights: what they hold."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    """Sizes of what the file leaves open at which it answered."""

    batch_shown: bool = False
    """Running it showed that the first axis counts samples; the file does not say so."""

    unrun: str = ''
    """Why it could not be run to see that, if it could not."""

    folder: Path | None = None
    """The model as its source leaves it, while the scratch folder lasts."""

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


def look(
    path: Path,
    scratch: Scratch,
    options: Mapping[str, Any] | None = None,
    *,
    declared: Contract | None = None,
    trial: bool = True,
) -> Model:
    """Return the model at ``path``, a file or a folder, read as its source reads it.

    ``options`` is what the source is told beside the files, ``declared`` what the user says of its ports.
    ``trial``: also run it where the file leaves sizes open. Raises RecipeError where there is no such file or its
    content is no model of any source, ToolError where what reads it is not installed, else what the source says.
    """
    if not path.exists():
        raise RecipeError(f'{path}: there is no such file or folder')
    path = path.resolve()
    format, folder, places = _format(path, scratch)
    files = tuple(_file(path, place, folder, name) for place, name in places.items())
    _require(path, format)
    _lay_out(files, laid := scratch.folder / 'laid')
    params = {'format': format, 'options': dict(options or {})}
    used = [*SOURCES[format].TOOLS]
    answer, left = scratch.ask(read.__name__, params, tools=used, inputs={'file': laid}, declared=declared)
    found = Model(format, files, dict(options or {}), None, answer['operators'], tuple(answer['holds']))
    if answer['holds'] or not (left / 'contract.json').exists():
        return found
    found = replace(found, contract=read_contract(left), folder=left)
    return _run(found, left, scratch) if trial else found


def _format(path: Path, scratch: Scratch) -> tuple[str, Path, dict[str, str]]:
    """Return the format of what lies at ``path``, its folder, and its files by their places."""
    look_at = [path, path.parent] if path.name == 'saved_model.pb' else [path]
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
    missing = [tool for tool, v in tools.versions(source.TOOLS, tools.installed()).items() if v == tools.MISSING]
    if missing and source.ENVIRONMENT:
        raise ToolError(
            f'{path}: is a model of {format}, which is read in the locked environment {source.ENVIRONMENT}, by recipes '
            f'alone\nwrite one: source: {{{format}: {{path: …, sha256: …}}}}; the sha256: modelkiln digest {path}'
        )
    if missing:
        raise ToolError(f'{path}: to read it {", ".join(missing)} is needed; run: {tools.remedy(missing)}')


def _lay_out(files: tuple[File, ...], folder: Path) -> None:
    folder.mkdir()
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
    if engine is None or engine.ENVIRONMENT or not (candidate or dimensions(found.contract)):
        return found
    used = [*engine.TOOLS]
    if lacks := [tool for tool, v in tools.versions(used, tools.installed()).items() if v == tools.MISSING]:
        return replace(found, unrun=f'{", ".join(lacks)} is not installed')
    try:
        answer, _ = scratch.ask(
            sizes.__name__, {'engine': engine.ENGINE}, tools=used, inputs={'model': left}, seconds=TRIAL_SECONDS
        )
    except ModelkilnError as error:
        return replace(found, unrun=str(error))
    contract = candidate if answer['batch'] and candidate else found.contract
    chosen = dict.fromkeys(sorted(dimensions(contract) - {BATCH}), int(answer['size'])) if answer['size'] else {}
    return replace(
        found, contract=contract, sizes=chosen, batch_shown=bool(answer['batch']), unrun=answer['said'],
    )  # fmt: skip
