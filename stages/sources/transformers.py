"""Take a model of Hugging Face transformers, its configuration and safetensors; leave the ``transformers`` format."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.errors import IntegrityError
from stages.sources.fetched import fetched

KIND = 'transformers-source'
TOOLS = ('transformers', 'tokenizers', 'torch', 'numpy', 'safetensors')
ENVIRONMENT = 'transformers'
original = None
"""What is left are the files as they came."""


@dataclass(frozen=True)
class Params:
    """What the model is for."""

    task: Literal[
        'auto', 'feature-extraction', 'fill-mask', 'text-classification', 'token-classification', 'question-answering',
        'image-classification', 'semantic-segmentation', 'audio-classification', 'automatic-speech-recognition',
        'speech-encoder',
    ] = 'auto'  # fmt: skip
    """Of transformers: what the model is loaded for; auto: what `architectures` of its configuration say."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the configuration and the task; how many files the weights are is theirs to say."""
    return ('config.json', 'task.json')


def run(params: Params, job: Job) -> Contract:
    """Leave the files as they came, checked, and the contract: inputs by the configuration, outputs by running it."""
    from stages.frameworks.torch.arguments import arguments
    from stages.frameworks.torch.described import described
    from stages.frameworks.transformers import files, inputs
    from stages.frameworks.transformers import model as transformers_model
    from stages.frameworks.transformers.tasks import ENCODERS

    held = {Path(place).name: path for place, path in fetched(job.inputs).items()}
    if files.CONFIG not in held:
        raise IntegrityError(f'no config.json among the files of the model: {", ".join(sorted(held)[:8]) or "none"}')
    read = files.config(held[files.CONFIG])
    weights = files.weights(held)
    task = transformers_model.task_of(read, params.task)
    for name, path in {files.CONFIG: held[files.CONFIG], **weights}.items():
        shutil.copyfile(path, job.output / name)
    (job.output / transformers_model.TASK).write_text(json.dumps({'task': task}) + '\n', 'utf-8')
    job.progress(0.3, f'loading it for {task}')
    module = transformers_model.load(job.output)
    what = f'{read["model_type"]} for {task}'
    taken = tuple(argument.name for argument in arguments(module))
    declared = inputs.declared(what, module, taken, job.contract)
    job.progress(0.7, 'running it on made-up inputs')
    note = 'the encoder alone: what writes the text, token by token, is no part of it'
    return replace(described(what, module, declared), notes=(note,) if task in ENCODERS else ())


def recognise(path: Path) -> dict[str, str]:
    """Return the files where a folder is one of transformers: a configuration and safetensors."""
    from stages.frameworks.transformers import files

    config = path / files.CONFIG
    if not path.is_dir() or not config.is_file():
        return {}
    there = {each.name: each for each in sorted(path.iterdir()) if each.is_file() and not each.is_symlink()}
    if not any(name.endswith('.safetensors') for name in there):
        return {}
    files.config(config)
    return {name: name for name in [files.CONFIG, *_weights(there)]}


def _weights(there: dict[str, Path]) -> list[str]:
    from stages.frameworks.transformers import files

    places = {path: name for name, path in there.items()}
    return [places[path] for path in files.weights(there).values()]
