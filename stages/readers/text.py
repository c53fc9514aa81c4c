"""Texts: lines or JSON lines, made into numbers by a tokenizer's own file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Literal

from stages.contract.port import Contract, Port, listed
from stages.contract.reader import Files, Part
from stages.errors import StepError
from stages.readers.usual import chosen, hold, the_input

if TYPE_CHECKING:
    import numpy

READER: Final = 'text'
TOOLS = ('numpy', 'tokenizers')
MOST_BYTES: Final = 1 << 30
MOST_CHARACTERS: Final = 1_000_000


@dataclass(frozen=True)
class Params:
    tokenizer: str = 'tokenizer.json'
    """The tokenizer's file among those fetched, as the package `tokenizers` writes it."""

    length: int | None = None
    """Tokens of a sample: longer ones are cut, shorter ones filled up; absent: as the input says."""

    ids: str = 'input_ids'
    """The input that takes the tokens' numbers."""

    mask: str = 'attention_mask'
    """The input that says which tokens are none but filling, where the model has it."""

    types: str = 'token_type_ids'
    """The input that tells the first text from the second, where the model has it."""

    special: bool = True
    """Whether the tokenizer adds what it begins and ends texts with."""

    pad: str = ''
    """The token to fill up with; absent: as the tokenizer's file says."""

    side: Literal['right', 'left'] | None = None
    """Where shorter ones are filled up; absent: as the tokenizer's file says, else right."""

    text: str = 'text'
    """Of JSON lines: the field with the text."""

    pair: str = ''
    """Of JSON lines: the field with a second text, for models that compare two."""

    label: str = 'label'
    """Of JSON lines: the field with the class, a whole number or one of `classes`, where there is one."""

    truth: str = ''
    """Of JSON lines: the field with the number that should come out."""

    labels: str = ''
    """Of plain lines: a file with the class of each, line by line."""

    classes: tuple[str, ...] = ()
    """What labels say, in the model's order; absent: they are whole numbers from 0."""


@dataclass(frozen=True)
class _Text:
    """One sample, and where it stands."""

    where: str
    text: str
    pair: str | None = None
    label: Any = None
    truth: float | None = None


def read(params: Params, files: Files, contract: Contract, part: Part) -> dict[str, Any]:
    """Return the tokens' numbers, mask and types by input, and ``labels`` or ``truth`` if there are some."""
    import numpy as np

    tokenizer = _tokenizer(params, files)
    texts = _texts(params, files)
    digests = [hashlib.sha256(f'{one.text}\0{one.pair or ""}'.encode()).hexdigest() for one in texts]
    texts = [texts[place] for place in chosen(part, digests, f'`{READER}`')]
    port = the_input(contract, params.ids, READER)
    length = _length(params, port, contract)
    hold(len(texts), 3 * 8 * length, READER)
    _fill(params, tokenizer, length)
    made = tokenizer.encode_batch(
        [one.text if one.pair is None else (one.text, one.pair) for one in texts], add_special_tokens=params.special
    )
    given = {params.ids: 'ids', params.mask: 'attention_mask', params.types: 'type_ids'}
    if strange := [p for p in contract.inputs if p.name not in given and not p.carries]:
        raise StepError(f'`text` has nothing for {listed(strange)}; say which inputs take `ids`, `mask` and `types`')
    arrays = {
        p.name: _array(p, [getattr(one, given[p.name]) for one in made]) for p in contract.inputs if p.name in given
    }
    if any(one.label is not None for one in texts):
        arrays['labels'] = np.asarray([_class(params, one) for one in texts], np.int64)
    if params.truth:
        arrays['truth'] = np.asarray([one.truth for one in texts], np.float64)
    return arrays


def _tokenizer(params: Params, files: Files) -> Any:
    from tokenizers import Tokenizer

    if params.tokenizer not in files:
        raise StepError(f'`text`: there is no tokenizer {params.tokenizer!r} among those fetched: {", ".join(files)}')
    try:
        return Tokenizer.from_str(files[params.tokenizer].read_text('utf-8'))
    except Exception as error:  # the package raises plain exceptions
        raise StepError(f'{params.tokenizer} is no tokenizer that `tokenizers` reads: {error}') from error


def _fill(params: Params, tokenizer: Any, length: int) -> None:
    """Set up cutting and filling to ``length``."""
    said = tokenizer.padding or {}
    token = params.pad or said.get('pad_token', '')
    number = tokenizer.token_to_id(token) if token else None
    if number is None:
        words = f'has no token {token!r}' if token else 'does not say what to fill up with'
        raise StepError(f'{params.tokenizer} {words}; write `pad: TOKEN`, one of its own')
    side = params.side or said.get('direction', 'right')
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(
        direction=side, pad_id=number, pad_type_id=said.get('pad_type_id', 0), pad_token=token, length=length
    )


def _length(params: Params, port: Port, contract: Contract) -> int:
    sizes = [port.shape[axis] for axis in range(len(port.shape)) if axis != port.batch]
    if len(sizes) != 1 and (len(sizes) != 2 or sizes[0] != 1):
        raise StepError(f'`text`: the input {listed([port])} takes no line of tokens')
    said = contract.sizes.get(sizes[-1], 0) if isinstance(sizes[-1], str) else sizes[-1]
    if params.length and said and params.length != said:
        raise StepError(f'`text`: `length` says {params.length}, the input {listed([port])} takes {said}; keep one')
    if not (params.length or said):
        raise StepError(f'`text`: the input {listed([port])} leaves it open how many tokens; write `length: N`')
    return params.length or said


def _array(port: Port, rows: list[list[int]]) -> numpy.ndarray:
    import numpy as np

    array = np.asarray(rows, np.int64)
    if np.dtype(port.dtype).kind not in 'iub':
        raise StepError(f'`text`: the input {listed([port])} takes no numbers of tokens')
    made: numpy.ndarray = array.astype(port.dtype)
    if (made.astype(np.int64) != array).any():
        raise StepError(f'`text`: the input {listed([port])} cannot hold the token {array.max()}')
    return made if port.batch is not None or len(port.shape) == 1 else made[:, None]


def _texts(params: Params, files: Files) -> list[_Text]:
    names = [name for name in files if name not in (params.tokenizer, params.labels)]
    if len(names) != 1:
        raise StepError(
            f'`text` reads one file of texts beside the tokenizer; fetched: {", ".join(names) or "nothing"}'
        )
    [name] = names
    lines = _lines(files[name], name)
    if PurePosixPath(name).suffix in ('.jsonl', '.ndjson', '.json'):
        if params.labels:
            raise StepError('`text`: `labels` goes with plain lines; JSON lines say theirs in the field `label`')
        return [_of_json(params, f'{name}:{n}', line) for n, line in enumerate(lines, start=1) if line.strip()]
    if not params.labels:
        return [_Text(f'{name}:{n}', line) for n, line in enumerate(lines, start=1)]
    if params.labels not in files:
        raise StepError(f'`text`: there is no file {params.labels!r} among those fetched')
    labels = _lines(files[params.labels], params.labels)
    if len(labels) != len(lines):
        raise StepError(f'{name} has {len(lines)} lines, {params.labels} has {len(labels)}')
    return [
        _Text(f'{params.labels}:{n}', line, label=label.strip())
        for n, (line, label) in enumerate(zip(lines, labels, strict=True), start=1)
    ]


def _lines(path: Path, name: str) -> list[str]:
    """Return the lines, split at line feeds alone; an end without one is no line."""
    if path.stat().st_size > MOST_BYTES:
        raise StepError(f'{name}: more than {MOST_BYTES >> 30} GiB of text')
    try:
        lines = path.read_text('utf-8-sig').split('\n')
    except UnicodeDecodeError as error:
        raise StepError(f'{name} is no text in UTF-8: {error}') from error
    if lines and not lines[-1]:
        lines.pop()
    if long := next((n for n, line in enumerate(lines, start=1) if len(line) > MOST_CHARACTERS), None):
        raise StepError(f'{name}:{long}: longer than {MOST_CHARACTERS:,} characters')
    return [line.removesuffix('\r') for line in lines]


def _of_json(params: Params, where: str, line: str) -> _Text:
    try:
        read = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise StepError(f'{where} is no JSON: {error}') from error
    if not isinstance(read, dict) or not isinstance(read.get(params.text), str):
        raise StepError(f'{where} has no text in the field {params.text!r}')
    pair = read.get(params.pair) if params.pair else None
    if params.pair and not isinstance(pair, str):
        raise StepError(f'{where} has no text in the field {params.pair!r}')
    truth = read.get(params.truth) if params.truth else None
    if params.truth and (not isinstance(truth, (int, float)) or isinstance(truth, bool)):
        raise StepError(f'{where} has no number in the field {params.truth!r}')
    return _Text(where, read[params.text], pair, read.get(params.label), truth)


def _class(params: Params, one: _Text) -> int:
    if params.classes and one.label in params.classes:
        return params.classes.index(one.label)
    whole = one.label if type(one.label) is int else int(one.label) if str(one.label or '').isdecimal() else None
    if params.classes or whole is None:
        wanted = f'one of the {len(params.classes)} `classes`' if params.classes else 'the number of a class, from 0'
        raise StepError(f'{one.where}: the label is {str(one.label)[:40]!r}; expected {wanted}')
    return whole
