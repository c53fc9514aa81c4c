"""A model's files, taken into a project: below recipes/files/, its Python below recipes/models/."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from stages.begin import files
from stages.begin.model import Model
from stages.begin.text import comment, scalar


def take_in(model: Model, root: Path, staged: Path, name: str) -> tuple[str, list[Path]]:
    """Copy the model's files below recipes/files/; return the value of `source` that names them, as YAML.

    What lies below recipes/ already is named where it lies; a copy, which is returned, stands in for it here.
    """
    entries: list[dict[str, Any]] = []
    there: list[Path] = []
    recipes = (root / 'recipes').resolve()
    for file in model.files:
        inside = file.path.is_file() and file.path.is_relative_to(recipes)
        apart = Path('models', f'{_python(name)}.py') if file == model.python else Path('files', name, file.place)
        base = file.path.relative_to(recipes) if inside else apart
        target = staged / 'recipes' / base
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.path.is_dir():
            shutil.copytree(file.path, target)
        else:
            shutil.copyfile(file.path, target)
        there += [target] if inside else []
        to = {'to': file.place} if inside and file.place != file.path.name else {}
        slash = '/' if file.path.is_dir() else ''
        entries.append({'path': f'{base.as_posix()}{slash}', **to, 'sha256': file.sha256})
    if model.function:
        python, *weights = entries
        told = [f'  weights: {scalar(entry | dict(model.options))}' for entry in weights]
        return '\n'.join([f'  {model.format}: {python["path"]}:{model.function}', *told]), there
    if not model.weights_alone:
        return scalar(entries[0] if len(entries) == 1 else entries), there
    [entry] = entries
    way = {word: model.holds[0][word] for word in ('key', 'prefix') if model.holds and model.holds[0][word]}
    return f'  torch: models/{_python(name)}.py:build\n  weights: {scalar(entry | way)}', there


def _python(name: str) -> str:
    return name.replace('-', '_')


def missing_module(model: Model, name: str) -> dict[str, str]:
    """Return the Python that a file of weights needs: where the module is to be built, with what the file holds."""
    if not model.weights_alone:
        return {}
    tensors = model.holds[0]['tensors'] if model.holds else []
    lines = [line for tensor in tensors[:200] for line in comment(f'{tensor[0]} {tensor[1]} {tensor[2]}', '    ')]
    [file] = model.files
    text = files.template(
        'model.py.txt', file=file.place, recipe=name, module=_python(name), tensors='\n'.join(lines) or '    # none',
    )  # fmt: skip
    return {f'recipes/models/{_python(name)}.py': text}
