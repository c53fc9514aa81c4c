"""Protobuf's text form, as .prototxt files are written in it: fields by name, each as often as it stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from stages.errors import IntegrityError

LARGEST: Final = 1 << 24
"""Bytes of a file; the largest nets have some hundred thousand."""
DEEPEST: Final = 32

TOKEN: Final = re.compile(
    r'(?P<skip>[\s,;]+|\#[^\n]*)|(?P<text>"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\')|(?P<sign>[{}<>\[\]:])'
    r'|(?P<word>[A-Za-z0-9_.+\-/]+)'
)
NAME: Final = re.compile(r'[A-Za-z_]\w*')
CLOSES: Final = {'{': '}', '<': '>'}
TRUE, FALSE = ('true', 'True', 't', '1'), ('false', 'False', 'f', '0')


class Token(NamedTuple):
    """A word, a text or a sign, and the line that it stands on."""

    what: str
    text: str
    line: int


@dataclass(frozen=True)
class Message:
    """A message: what stands below each of its names, in order."""

    file: str
    line: int
    fields: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Tokens, and messages."""

    def wrong(self, words: str, line: int = 0) -> IntegrityError:
        """Return the error that says ``words`` of this place."""
        return IntegrityError(f'{self.file}:{line or self.line}: {words}')

    def messages(self, name: str) -> list[Message]:
        """Return every message below ``name``."""
        found = self.fields.get(name, ())
        if bad := next((each for each in found if not isinstance(each, Message)), None):
            raise self.wrong(f'`{name}` is {bad.text!r}; expected {name} {{ … }}', bad.line)
        return list(found)

    def message(self, name: str) -> Message:
        """Return the message below ``name``; an empty one where it does not stand; as Protobuf joins several."""
        found = self.messages(name)
        joined: dict[str, list[Any]] = {}
        for each in found:
            for key, values in each.fields.items():
                joined.setdefault(key, []).extend(values)
        return Message(self.file, found[0].line if found else self.line, joined)

    def words(self, name: str) -> list[str]:
        """Return every value of a field."""
        found = self.fields.get(name, ())
        if bad := next((each for each in found if isinstance(each, Message)), None):
            raise self.wrong(f'`{name}` is a message; expected a value', bad.line)
        return [each.text for each in found]

    def word(self, name: str, default: str = '') -> str:
        """Return the last value of a field, which is the one that counts."""
        return next(iter(self.words(name)[::-1]), default)

    def numbers(self, name: str) -> list[float]:
        """Return every value of a field of numbers."""
        try:
            return [float(word.rstrip('fF') if word[:1].isdigit() else word) for word in self.words(name)]
        except ValueError:
            raise self.wrong(f'`{name}` is {self.word(name)!r}; expected a number', self._line(name)) from None

    def number(self, name: str, default: float) -> float:
        """Return the last value of a field of one number."""
        return next(iter(self.numbers(name)[::-1]), float(default))

    def wholes(self, name: str) -> list[int]:
        """Return every value of a field of whole numbers."""
        try:
            found = [int(word, 0) for word in self.words(name)]
        except ValueError:
            wrong = f'`{name}` is {self.word(name)!r}; expected a whole number'
            raise self.wrong(wrong, self._line(name)) from None
        if any(abs(each) >= 1 << 31 for each in found):
            raise self.wrong(f'`{name}` is {self.word(name)}, more than 31 bits', self._line(name))
        return found

    def whole(self, name: str, default: int) -> int:
        """Return the last value of a field of one whole number."""
        return next(iter(self.wholes(name)[::-1]), default)

    def flag(self, name: str, default: bool) -> bool:
        """Return a field that is true or false."""
        word = self.word(name, TRUE[0] if default else FALSE[0])
        if word not in (*TRUE, *FALSE):
            raise self.wrong(f'`{name}` is {word!r}; expected true or false', self._line(name))
        return word in TRUE

    def choice(self, name: str, words: Sequence[str], first: int = 0) -> str:
        """Return a field of an enum, written as a word or as its number; the first word where it does not stand."""
        word = self.word(name, words[0])
        if word.isdecimal() and 0 <= int(word) - first < len(words):
            return words[int(word) - first]
        if word not in words:
            raise self.wrong(f'`{name}` is {word!r}; expected one of {", ".join(words)}', self._line(name))
        return word

    def _line(self, name: str) -> int:
        return int(self.fields[name][-1].line) if self.fields.get(name) else self.line


def read(file: str, data: bytes) -> Message:
    """Return the message that ``data``, the bytes of ``file``, is the text of. Raises IntegrityError, with the line."""
    if len(data) > LARGEST:
        raise IntegrityError(f'{file}: has {len(data)} bytes, more than any net; expected a .prototxt')
    try:
        text = data.decode('utf-8')
    except UnicodeDecodeError as error:
        raise IntegrityError(f'{file}: not a .prototxt: {error}') from error
    tokens = list(_tokens(file, text))
    place, root = _message(file, tokens, 0, '', 0)
    assert place == len(tokens)
    return root


def _tokens(file: str, text: str) -> Iterator[Token]:
    place, line = 0, 1
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None:
            raise IntegrityError(f'{file}:{line}: {text[place : place + 12]!r} is no text of a .prototxt')
        kind, word = str(found.lastgroup), found.group()
        if kind == 'text':
            yield Token(kind, word[1:-1], line)
        elif kind != 'skip':
            yield Token(kind, word, line)
        line += word.count('\n')
        place = found.end()


def _message(file: str, tokens: list[Token], place: int, until: str, depth: int) -> tuple[int, Message]:
    line = tokens[place - 1].line if place else 1
    if depth > DEEPEST:
        raise IntegrityError(f'{file}:{line}: messages inside each other, more than {DEEPEST} deep')
    fields: dict[str, list[Any]] = {}
    while place < len(tokens):
        key = tokens[place]
        if key.what == 'sign' and key.text == until:
            return place + 1, Message(file, line, fields)
        if key.what != 'word' or not NAME.fullmatch(key.text):
            raise IntegrityError(f'{file}:{key.line}: {key.text!r} stands where a name is expected')
        place, below = _value(file, tokens, place + 1, key, depth)
        fields.setdefault(key.text, []).extend(below)
    if until:
        raise IntegrityError(f'{file}:{line}: {{ is never closed: the file is cut short')
    return place, Message(file, line, fields)


def _value(file: str, tokens: list[Token], place: int, key: Token, depth: int) -> tuple[int, list[Any]]:
    """Return what stands behind a name, and the place behind that."""
    end = Token('sign', '', key.line)

    def at(place: int) -> Token:
        return tokens[place] if place < len(tokens) else end

    colon = at(place).text == ':' and at(place).what == 'sign'
    place += colon
    token = at(place)
    if token.what == 'sign' and token.text in CLOSES:
        place, message = _message(file, tokens, place + 1, CLOSES[token.text], depth + 1)
        return place, [message]
    if colon and token.what != 'sign':
        place, texts = place + 1, [token.text]
        while token.what == 'text' and at(place).what == 'text':  # texts behind each other are one
            texts.append(at(place).text)
            place += 1
        return place, [Token(token.what, ''.join(texts), token.line)]
    if colon and token.text == '[':
        found: list[Any] = []
        place += 1
        while at(place).text != ']' or at(place).what != 'sign':
            if at(place).text in CLOSES and at(place).what == 'sign':
                place, message = _message(file, tokens, place + 1, CLOSES[at(place).text], depth + 1)
                found.append(message)
            elif at(place).what == 'sign':
                raise IntegrityError(f'{file}:{at(place).line}: the list of {key.text!r} is never closed')
            else:
                found.append(at(place))
                place += 1
        return place + 1, found
    raise IntegrityError(f'{file}:{token.line}: nothing stands behind {key.text!r}; expected `{key.text}: value`')
