"""YAML as people read it: plain values, each with its line and column.

No aliases, no tags, no merge keys, no key twice, one document, small; numbers and booleans by the core rules of
YAML 1.2, so ``no`` and ``on`` stay text and ``1e3`` is a number. Built from parser events, so that depth and size are
counted while reading and nothing recurses.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import yaml

from stages.recipe.mistakes import Mark, Mistakes, Place, shown

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 20
MAX_NODES: Final = 10_000

LOADER: Final[Any] = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)

INT: Final = re.compile(r'[-+]?[0-9]+')
OCTAL: Final = re.compile(r'0o[0-7]+')
HEX: Final = re.compile(r'0x[0-9a-fA-F]+')
FLOAT: Final = re.compile(r'[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?')
WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(('', '~', 'null', 'Null', 'NULL')),
    **dict.fromkeys(('true', 'True', 'TRUE'), True),
    **dict.fromkeys(('false', 'False', 'FALSE'), False),
    **dict.fromkeys(('.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'), float('inf')),
    **dict.fromkeys(('-.inf', '-.Inf', '-.INF'), float('-inf')),
    **dict.fromkeys(('.nan', '.NaN', '.NAN'), float('nan')),
}
NUMBER_STARTS: Final = frozenset('+-.0123456789')
CONFLICT: Final = re.compile(r'^(<{7}|>{7}|={7}|\|{7})( |\r?$)', re.MULTILINE)
UNPRINTABLE: Final = re.compile(
    '[^\x09\x0a\x0d\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]',
)


class Key(str):
    """A key of a mapping, and where it stands."""

    line: int
    column: int
    file: str
    """Another file than the one that is read, which this one extends; empty: the same."""


class Node(NamedTuple):
    """A value and where it stands. Lists hold nodes; mappings hold nodes by ``Key``."""

    value: Any
    line: int
    column: int
    raw: str | None = None
    """A scalar as written, for text that looks like a number (a sha256 of digits only)."""

    file: str = ''
    """Another file than the one that is read, which this one extends; empty: the same."""


def plain(node: Node) -> Any:
    """Return the value without its places."""
    if isinstance(node.value, dict):
        return {str(key): plain(below) for key, below in node.value.items()}
    if isinstance(node.value, list):
        return [plain(below) for below in node.value]
    return node.value


def decode(data: bytes, mistakes: Mistakes) -> str:
    """Return the text of a recipe; refuse what is too long, not UTF-8, or holds control characters."""
    if len(data) > MAX_BYTES:
        mistakes.stop(Mark(1, 1), f'the file is longer than {MAX_BYTES // 1024} KiB; a recipe is a page')
    try:
        text = data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = error.start - (before.rfind(b'\n') + 1) + 1
        mistakes.stop(Mark(before.count(b'\n') + 1, column), 'this is not UTF-8 text; save the file as UTF-8')
    if bad := UNPRINTABLE.search(text):
        mistakes.stop(_mark_at(text, bad.start()), f'the character {bad[0]!r} is not allowed; remove it')
    return text


def read_file(path: Path, mistakes: Mistakes, file: str = '') -> Node:
    """Return the one document of a file, which must not be empty; ``file``: whose its places are, if not ours."""
    try:
        with path.open('rb') as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        mistakes.stop(Mark(1, 1), f'the file cannot be read: {error.strerror}')
    node = read_yaml(decode(data, mistakes), mistakes, file)
    if node is None or node.value is None:
        mistakes.stop(Mark(1, 1), 'the recipe is empty; expected `recipe: 1`, `model: …`')
    mistakes.raise_any()
    return node


def read_yaml(text: str, mistakes: Mistakes, file: str = '') -> Node | None:
    """Return the one document of ``text``, None when it is empty. Stops at the first thing that cannot be read."""
    if conflict := CONFLICT.search(text):
        mistakes.stop(_mark_at(text, conflict.start()), 'a merge conflict is left here; resolve it')
    try:
        return _Composer(mistakes, file).compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)
        mistakes.stop(at, f'this is not YAML: {_words(error, text, at)}')
    except (yaml.YAMLError, ValueError) as error:
        mistakes.stop(Mark(1, 1), f'this is not YAML: {shown(str(error))}')


def scalar(text: str) -> Any:
    """Return what an unquoted scalar means by the core rules of YAML 1.2."""
    if text in WORDS:
        return WORDS[text]
    if text[0] not in NUMBER_STARTS:
        return text
    if INT.fullmatch(text):
        return int(text)
    if FLOAT.fullmatch(text):
        return float(text)
    if OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if HEX.fullmatch(text):
        return int(text[2:], 16)
    return text


class _Frame:
    """A list or a mapping that is still being filled; ``key`` is the one that waits for its value."""

    __slots__ = ('key', 'skip', 'value')

    def __init__(self, value: Any) -> None:
        self.value = value
        self.key: Key | None = None
        self.skip = False  # the next value belongs to a key that was refused


class _Composer:
    """Events in, one Node out."""

    def __init__(self, mistakes: Mistakes, file: str) -> None:
        self.mistakes = mistakes
        self.file = file
        self.stack: list[_Frame] = []
        self.root: Node | None = None
        self.documents = 0

    def compose(self, text: str) -> Node | None:
        """Return the document, None when there is none."""
        nodes = 0
        next_event = LOADER(text).get_event  # directly: yaml.parse is a generator over three calls an event
        event: Any = next_event()
        while type(event) is not yaml.StreamEndEvent:
            kind = type(event)
            if kind is yaml.ScalarEvent or kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                nodes += 1
                mark = event.start_mark
                line, column = mark.line + 1, mark.column + 1
                if nodes > MAX_NODES:
                    self._stop(event, f'more than {MAX_NODES} values; a recipe is a page')
                if event.anchor is not None:
                    self._stop(event, f'the anchor {shown(event.anchor)} is not allowed; write the value out')
                if event.tag is not None:
                    self._stop(event, f'the tag {shown(event.tag)} is not allowed; a recipe holds plain values')
                if kind is yaml.ScalarEvent:
                    self._attach(self._scalar(event, line, column), unquoted=event.implicit[0])
                else:
                    if len(self.stack) >= MAX_DEPTH:
                        self._stop(event, f'nested deeper than {MAX_DEPTH}')
                    node = Node({} if kind is yaml.MappingStartEvent else [], line, column, None, self.file)
                    self._attach(node)
                    self.stack.append(_Frame(node.value))
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self.stack.pop()
            elif kind is yaml.AliasEvent:
                self._stop(event, f'the alias {shown(event.anchor)} is not allowed; write the value out')
            elif kind is yaml.DocumentStartEvent:
                self.documents += 1
                if self.documents > 1:
                    self._stop(event, 'a second document starts here; a recipe is one')
            event = next_event()
        return self.root

    def _scalar(self, event: Any, line: int, column: int) -> Node:
        raw = event.value
        if not event.implicit[0]:
            return Node(raw, line, column, raw, self.file)
        try:
            return Node(scalar(raw), line, column, raw, self.file)
        except ValueError:  # more digits than Python turns into a number
            self._stop(event, 'this number has too many digits')

    def _attach(self, node: Node, *, unquoted: bool = False) -> None:
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        if isinstance(frame.value, list):
            frame.value.append(node)
        elif frame.skip:
            frame.skip = False
        elif frame.key is not None:
            frame.value[frame.key] = node
            frame.key = None
        else:
            frame.key = self._key(node, frame.value, unquoted)
            frame.skip = frame.key is None

    def _key(self, node: Node, mapping: dict[Key, Node], unquoted: bool) -> Key | None:
        if not isinstance(node.value, str):
            self.mistakes.add(node, f'a key must be text, but this is {shown(node.value)}; put it in quotes')
            return None
        if node.value == '<<' and unquoted:
            self.mistakes.add(node, 'the merge key `<<` is not allowed; write the values out')
            return None
        if node.value in mapping:
            first = next(key for key in mapping if key == node.value)
            self.mistakes.add(node, f'the key {shown(node.value)} is already on line {first.line}; keep one')
            return None
        key = Key(node.value)
        key.line, key.column, key.file = node.line, node.column, self.file
        return key

    def _stop(self, event: Any, text: str) -> NoReturn:
        at: Place = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
        self.mistakes.stop(at, text)


def _mark_at(text: str, index: int) -> Mark:
    """Return the place of the character ``index``."""
    before = text[:index]
    return Mark(before.count('\n') + 1, index - (before.rfind('\n') + 1) + 1)


def _words(error: yaml.MarkedYAMLError, text: str, at: Mark) -> str:
    """Return what the parser says, and what is meant when a tab is the reason."""
    lines = text.split('\n')
    line = lines[at.line - 1] if at.line <= len(lines) else ''
    if line[at.column - 1 : at.column] == '\t' or line[: len(line) - len(line.lstrip())].count('\t'):
        return 'a tab stands here; indent with spaces'
    if 'flow level' in f'{error.context} {error.problem}':  # libyaml counts too, and looks far ahead
        return f'nested deeper than {MAX_DEPTH}'
    return ', '.join(part for part in (error.context, error.problem) if part)
