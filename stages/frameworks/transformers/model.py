"""The ``transformers`` format: ``config.json`` and weights as safetensors, as they came, and ``task.json``."""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Any, Final

from stages.errors import StepError, UnsupportedError
from stages.frameworks.transformers import files
from stages.frameworks.transformers.tasks import ENCODERS, TASKS, Task

TASK: Final = 'task.json'


def load(folder: Path) -> Any:
    """Return the module in ``folder`` for the task that stands beside it, in eval mode and float32.

    Its forward is transformers' own; it returns a dict of the task's outputs. Raises StepError where files and model do
    not fit: no weight is made up.
    """
    task = json.loads((folder / TASK).read_text('utf-8'))['task']
    read = files.config(folder / files.CONFIG)
    module = _loaded(folder, read, TASKS[task])
    if task in ENCODERS:
        module = module.get_encoder()
    module.register_forward_hook(_picked(TASKS[task].outputs))
    return module.eval()


def task_of(read: dict[str, Any], asked: str) -> str:
    """Return the task that a recipe asks for, or else the only one that the configuration's architecture is for.

    Raises UnsupportedError where transformers has no such model for it, with those that it has.
    """
    _offline()
    from transformers.models.auto import modeling_auto

    kind = read['model_type']
    classes = {word: getattr(modeling_auto, task.mapping).get(kind) for word, task in TASKS.items()}
    able = [word for word, names in classes.items() if names]
    if not able:
        known = {word for task in TASKS.values() for word in getattr(modeling_auto, task.mapping)}
        near = difflib.get_close_matches(kind, sorted(known), 1)
        guess = f'; did you mean {near[0]}?' if near else ''
        raise UnsupportedError(f'config.json: transformers has no model_type {kind[:60]!r} for any task here{guess}')
    if asked != 'auto':
        if asked not in able:
            raise UnsupportedError(f'config.json: a model of {kind} is not for {asked}; it is for {", ".join(able)}')
        return asked
    said = [str(name) for name in read.get('architectures') or ()]
    found = [word for word in able if any(name in _several(classes[word]) for name in said)]
    if len(found) != 1:
        raise StepError(
            f'config.json: its architectures ({", ".join(said) or "none"}) leave open what the model is for\n'
            f'write it beside `transformers`: task: {found[0] if found else able[0]} (of {", ".join(found or able)})'
        )
    return found[0]


def _loaded(folder: Path, read: dict[str, Any], task: Task) -> Any:
    _offline()
    import torch
    import transformers

    torch.manual_seed(0)
    try:
        config = transformers.AutoConfig.for_model(**read)
        config.use_cache = False
        module, info = getattr(transformers, task.loader).from_pretrained(
            folder, config=config, local_files_only=True, use_safetensors=True, trust_remote_code=False,
            dtype=torch.float32, output_loading_info=True,
        )  # fmt: skip
    except Exception as error:  # of safetensors, of torch, and whatever a configuration of odd values leads to
        said = str(error).strip().partition('\n')[0][:300]
        raise StepError(f'transformers cannot load the model: {type(error).__name__}: {said}') from error
    _check_whole(info, task)
    return module


def _check_whole(info: dict[str, Any], task: Task) -> None:
    """Refuse weights that leave a part of the model to chance."""
    missing = sorted(name for name in info['missing_keys'] if not _unused(name, task))
    wrong = [str(each[0]) if isinstance(each, tuple) else str(each) for each in info['mismatched_keys']]
    parts = (('missing', missing), ('of another shape', wrong), ('damaged', [*info.get('error_msgs', ())]))
    said = [f'{len(names)} {word}: {", ".join(map(str, names[:5]))}' for word, names in parts if names]
    if said:
        raise StepError(f'the weights do not make a whole model for this task: {"; ".join(said)}')


def _unused(name: str, task: Task) -> bool:
    return any(name.startswith(start) or f'.{start}' in name for start in task.unused)


def _picked(outputs: tuple[str, ...]) -> Any:
    def hook(module: Any, given: Any, result: Any) -> dict[str, Any]:
        return {name: result[name] for name in outputs}

    return hook


def _several(names: Any) -> tuple[str, ...]:
    return names if isinstance(names, tuple) else (names,)


def _offline() -> None:
    """Let transformers look for nothing outside of the folder it is given, and draw no bars."""
    os.environ |= {'HF_HUB_OFFLINE': '1', 'TRANSFORMERS_VERBOSITY': 'error', 'HF_HUB_DISABLE_PROGRESS_BARS': '1'}
    from transformers.utils import logging

    logging.disable_progress_bar()
