"""A recipe as text, for people: what was read from the file as it is, what is theirs to say as comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from stages.begin.model import Model
from stages.begin.variants import Proposal
from stages.contract.port import BATCH, Contract, Port
from stages.recipe import names
from stages.terminal import plain, size_words

PLAIN: Final = re.compile(r'[A-Za-z_/][A-Za-z0-9_./-]*')
RESERVED: Final = ('true', 'false', 'null', 'yes', 'no', 'on', 'off', 'y', 'n')
WIDTH: Final = 118
COLOURS: Final[Mapping[Any, str]] = {1: 'grey', 3: 'RGB', 4: 'RGBA'}
"""What so many numbers for a point of a picture are."""

TENSORS: Final = 8
"""Tensors of a checkpoint that are shown."""


def recipe_text(
    name: str, model: Model, files: str, data: Sequence[str], variants: Sequence[Proposal], how: str
) -> str:
    """Return the recipe ``name`` of ``model``.

    ``files`` is the value of its source, as YAML; ``data`` the lines of its data, comments where there is none;
    ``how`` says from what it was made.
    """
    return '\n'.join(
        [
            '# yaml-language-server: $schema=recipe.schema.json',
            *comment(how),
            'recipe: 1',
            f'model: {name}',
            '',
            *_source(model, files),
            '',
            *(_ports(model) if model.contract else _unknown_ports()),
            '',
            *data,
            '',
            *_variants(variants),
            '',
            *_asks(model),
            '',
        ]
    )


def scalar(value: Any) -> str:
    """Return a value as YAML writes it, in quotes where it could be read as something else."""
    if isinstance(value, str):
        safe = PLAIN.fullmatch(value) and value.lower() not in RESERVED
        return value if safe else json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return f'[{", ".join(map(scalar, value))}]'
    if isinstance(value, Mapping):
        return f'{{{", ".join(f"{scalar(key)}: {scalar(below)}" for key, below in value.items())}}}'
    return json.dumps(value)


def comment(text: str, indent: str = '') -> list[str]:
    """Return a text as lines of comment; what a file says of itself may hold anything, so it is made plain first."""
    lines, line = [], ''
    for word in plain(text).split():
        if line and len(indent) + len(line) + len(word) + 3 > WIDTH:
            lines.append(line)
            line = ''
        line = f'{line} {word}' if line else word
    return [f'{indent}# {one}' for one in [*lines, line] if one]


def _source(model: Model, files: str) -> list[str]:
    held = 'the Python that builds it' if model.function else f'{size_words(model.size)}, held to its sha256'
    lines = comment(f'Where the trained model comes from: {held}.')
    if model.function and len(model.files) == 1:
        lines += comment('The weights are those that the Python makes; for others: `weights: {path: …, sha256: …}`.')
    if model.operators:
        listed = ', '.join(f'{name} {count}' for name, count in [*model.operators.items()][:10])
        rest = len(model.operators) - 10
        lines += comment(f'It computes with {listed}{f", and {rest} others" if rest > 0 else ""}.')
    told = [f'  {name}: {scalar(value)}' for name, value in model.options.items()]
    if not (model.function or model.weights_alone):
        return [*lines, 'source:', f'  {model.format}: {files}', *told]
    return [*lines, *_held(model), 'source:', *files.splitlines()]


def _held(model: Model) -> Iterator[str]:
    """Give what a file of weights holds, for whoever writes the module."""
    for one in model.holds:
        tensors = one['tensors']
        shown = ', '.join(f'{name} {shape}' for name, shape, _ in tensors[:TENSORS])
        more = f', and {len(tensors) - TENSORS} more' if len(tensors) > TENSORS else ''
        key = f'Below `key: {one["key"]}`' if one['key'] else 'Outermost'
        prefix = f', which begin with `prefix: {one["prefix"]}`' if one['prefix'] else ''
        yield from comment(f'{key}: {len(tensors)} tensors{prefix}: {shown}{more}.')


def _ports(model: Model) -> Iterator[str]:
    contract = model.contract
    assert contract is not None
    yield from comment(
        'What it takes and returns, as the file says it. A number is fixed, a name stands for any size, and `batch` '
        'for the axis that counts samples.'
    )
    if model.batch_shown:
        yield from comment('The file leaves the first axis open: run, it answered three samples as each of them alone.')
    yield 'inputs:'
    called = _called([port.name for port in contract.inputs], 'input')
    dimensions = dimension_names(contract)
    for port, name in zip(contract.inputs, called, strict=True):
        said: dict[str, Any] = {'shape': [dimensions.get(d, d) for d in port.shape], 'dtype': port.dtype}
        yield f'  {name}: {scalar({"name": port.in_file, **said} if name != port.in_file else said)}'
        yield from _carried(port, contract)
    returned = [port.name for port in contract.outputs]
    called = _called(returned, 'output')
    if called == returned:
        yield f'outputs: {scalar(called)}'
    else:
        yield 'outputs:'
        yield from (f'  {name}: {scalar(port.in_file)}' for name, port in zip(called, contract.outputs, strict=True))
    if contract.state:
        yield from comment(f'It keeps from call to call: {", ".join(contract.state[:8])}. Each call starts it fresh.')
    yield from comment('For whoever deploys it, in a sentence, as:')
    yield f'# preprocessing: {preprocessing(contract)}'


def preprocessing(contract: Contract) -> str:
    """Return an example of what a recipe may say of its inputs: of pictures where it takes some, else of what it takes.

    A picture has four axes, one of them of one, three or four colours; whole numbers in rows are tokens.
    """
    for port in contract.inputs:
        fixed = [(axis, size) for axis, size in enumerate(port.shape) if axis and size in COLOURS]
        if len(port.shape) == 4 and fixed and fixed[0][0] in (1, 3):
            axis, size = fixed[0]
            values = '0 to 255' if port.dtype == 'uint8' else '0 to 1'
            return f'{COLOURS[size]}, values {values}, channels {"first" if axis == 1 else "last"}'
    if any(port.dtype in ('int32', 'int64') and len(port.shape) == 2 for port in contract.inputs):
        return 'tokens of the tokenizer of the training, lower case, cut and padded at the end'
    return 'the columns in the order of the training, each less its mean and divided by its deviation'


def _unknown_ports() -> Iterator[str]:
    yield from comment('Weights do not say what the module takes: write its inputs in the order of forward().')
    yield 'inputs:'
    yield '  input: {shape: [batch, 3, 224, 224], dtype: float32}'


def _called(found: Sequence[str], word: str) -> list[str]:
    """Return names that a recipe may use: the file's where they all are such, else a word and a number."""
    fit = [bool(names.TENSOR.fullmatch(name)) for name in found]
    return [
        name if good else word if len(found) == 1 else f'{word}_{n}'
        for n, (name, good) in enumerate(zip(found, fit, strict=True))
    ]


def dimension_names(contract: Contract) -> dict[Any, str]:
    """Return what a recipe calls each open dimension of the inputs: small letters, digits and `_`."""
    found: dict[Any, str] = {}
    for size in (size for port in contract.inputs for size in port.shape if isinstance(size, str)):
        word = re.sub(r'[^a-z0-9_]', '_', size.lower()).strip('_')[:40]
        word = word if names.DIMENSION.fullmatch(word) else f'd_{word}'.rstrip('_')
        if size not in found:
            taken = {*found.values()} | ({BATCH} if size != BATCH else set())
            found[size] = next(w for w in (word, *(f'{word}_{n}' for n in range(2, 99))) if w not in taken)
    return found


def _carried(port: Port, contract: Contract) -> Iterator[str]:
    """Give a hint where an output could be what this input takes over; only who made the model knows."""
    if port.batch == 0 or len(contract.inputs) < 2:
        return
    alike = [out for out in contract.outputs if (out.shape, out.dtype) == (port.shape, port.dtype)]
    if len(alike) == 1 and names.TENSOR.fullmatch(alike[0].name):
        yield from comment(f'where {port.name} is state: `carries: {alike[0].name}`', '    ')


def _variants(variants: Sequence[Proposal]) -> Iterator[str]:
    built, rest = [v for v in variants if not v.against], [v for v in variants if v.against]
    width = max((len(v.name) for v in variants), default=0) + 2
    stages = max((len(v.written) for v in rest), default=0)
    yield from comment(
        'What to make of it, each a list of kinds (`modelkiln kinds`). The one without any is the source itself, which '
        'all others are compared with.'
    )
    yield 'variants:'
    yield from (f'  {f"{v.name}:":<{width}}{v.written}' for v in built)
    if rest:
        yield from comment('Not in a first look, each with its reason; take the # away to try one.', '  ')
    yield from (f'  # {f"{v.name}:":<{width}}{v.written:<{stages}}  # {plain(v.against)}' for v in rest)


def _asks(model: Model) -> Iterator[str]:
    yield from comment('A first look: more cycles and repetitions make the intervals narrower.')
    sizes = {dimension_names(model.contract)[d]: n for d, n in model.sizes.items()} if model.contract else {}
    if sizes:
        yield from comment(f'`sizes`: the file leaves {", ".join(sizes)} open; write the size that you serve.')
    elif model.unrun:
        yield from comment(f'It could not be run to see which sizes it takes: {model.unrun[:300]}')
        sizes = (
            {name: 1 for name in dimension_names(model.contract).values() if name != BATCH} if model.contract else {}
        )
        if sizes:
            yield from comment(f'1 stands for the size of {", ".join(sizes)}; write the one that you serve.')
    asked = {'cycles': 2, 'repetitions': 20, 'threads': 1, 'warmup_runs': 3, 'warmup_seconds': 0.3}
    yield f'benchmark: {scalar(asked | ({"sizes": sizes} if sizes else {}))}'
    yield from comment('The best variant: the figure to make small (latency, peak_memory or size), and within what.')
    yield 'choose: {fastest: latency}'
