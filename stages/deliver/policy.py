"""What a project or a deployment allows: ``modelkiln.toml``, or ``[tool.modelkiln]`` of a pyproject.toml.

The nearest of the two above the current folder counts. Without one the defaults are safe: TLS everywhere but on this
machine, and where keys are named a release must be signed by one of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.deliver.registry.address import Address, address
from stages.errors import RecipeError

if TYPE_CHECKING:
    from stages.deliver.registry.contract import Net

FILE: Final = 'modelkiln.toml'
PROJECT: Final = 'pyproject.toml'
REQUIRED: Final = 'required'
SIGNATURES: Final = (REQUIRED, 'optional')


@dataclass(frozen=True)
class Policy:
    """What is allowed, and what is demanded."""

    registries: tuple[str, ...] = ()
    """Places, each with all that is below it; a bare name is looked for in the first. None: any that is named."""

    keys: tuple[str, ...] = ()
    """Files of public keys (PEM), relative to the policy's folder, any of which may have signed."""

    signature: str = ''
    """``required`` or ``optional``; absent: required where ``keys`` are named."""

    keep: int = 3
    """How many versions stay in a pulled folder, the current one among them."""

    plain_http: tuple[str, ...] = ()
    """Hosts (with their port) that may be spoken to without TLS, besides this machine."""

    ca: str = ''
    """A file of certificates to trust instead of the system's, relative to the policy's folder."""

    file: str = ''
    """Where this stands; empty: these are the defaults."""

    @property
    def signed(self) -> bool:
        """Whether a release without a good signature is refused."""
        return self.signature == REQUIRED or (not self.signature and bool(self.keys))

    @property
    def folder(self) -> Path:
        return Path(self.file).parent if self.file else Path()

    @property
    def key_files(self) -> tuple[Path, ...]:
        return tuple(self.folder / key for key in self.keys)

    @property
    def net(self) -> Net:
        from stages.deliver.registry.contract import Net  # here: what is there is pulled from nobody

        return Net(self.plain_http, self.folder / self.ca if self.ca else None)


KEYS: Final = {field.name.replace('_', '-'): field.name for field in fields(Policy) if field.name != 'file'}


def policy_for(folder: Path) -> Policy:
    """Return the nearest policy at or above ``folder``. Raises RecipeError with every mistake in it."""
    for place in (folder.absolute(), *folder.absolute().parents):
        if (found := place / FILE).is_file():
            return read_policy(found)
        if (found := place / PROJECT).is_file() and '[tool.modelkiln' in found.read_text('utf-8', 'replace'):
            return read_policy(found)
    return Policy()


def read_policy(path: Path) -> Policy:
    """Return the policy in ``path``."""
    import difflib  # here: most deployments have no policy
    import tomllib

    text = path.read_text('utf-8', 'replace')
    try:
        given: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f'{path}: {error}') from error
    if path.name == PROJECT:
        given = given.get('tool', {}).get('modelkiln', {})
    problems: list[str] = []
    taken: dict[str, Any] = {}
    for key, value in given.items():
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1)
            meant = f'did you mean `{near[0]}`?' if near else f'expected {", ".join(KEYS)}'
            problems.append(f'{_line(path, text, key)}: unknown key `{key}`; {meant}')
        elif wrong := _wrong(key, value, path.parent):
            problems.append(f'{_line(path, text, key)}: `{key}` is {value!r}; {wrong}')
        else:
            taken[KEYS[key]] = tuple(value) if isinstance(value, list) else value
    if taken.get('signature') == REQUIRED and not taken.get('keys'):
        problems.append(
            f'{_line(path, text, "signature")}: `signature` is required, and no `keys` are named to check it'
        )
    if problems:
        raise RecipeError(*problems)
    return Policy(**taken, file=str(path))


def place_of(policy: Policy, name: str, source: str = '') -> Address:
    """Return where the release ``name`` lies: as it is written, else in ``source``, else in the first registry.

    Raises RecipeError for a place that the policy does not allow.
    """
    found = address(name)
    if found.scheme and source:
        raise RecipeError(f'{name} is a whole place, and --from names another; give one of them')
    if not found.scheme:
        places = [source] if source else list(policy.registries)
        if not places:
            raise RecipeError(f'{name}: name its place, with --from or as `registries` in {FILE}')
        registry = address(places[0])
        if registry.tag or registry.sha256:
            raise RecipeError(f'{places[0]}: expected a registry, without tag and digest')
        found = address(str(found.below(registry)))
    if policy.registries and not any(_is_below(found, address(place)) for place in policy.registries):
        raise RecipeError(
            f'{found.repository}: {policy.file} allows {", ".join(policy.registries)} only; add it to `registries`'
        )
    return found


def _is_below(found: Address, registry: Address) -> bool:
    base = registry.place.rstrip('/')
    return found.scheme == registry.scheme and (found.place == base or found.place.startswith(f'{base}/'))


def _wrong(key: str, value: Any, folder: Path) -> str:
    """Return what is wrong with a value; nothing when it is right."""
    if key == 'keep':
        good = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        return '' if good else 'expected a number of versions, at least 1'
    if key == 'signature':
        return '' if value in SIGNATURES else f'expected {" or ".join(SIGNATURES)}'
    if key == 'ca':
        good = isinstance(value, str) and (folder / value).is_file()
        return '' if good else f'expected a file; there is none at {folder / str(value)}'
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        return 'expected a list of texts'
    if key == 'keys':
        lost = [str(folder / one) for one in value if not (folder / one).is_file()]
        return f'there is no file {", ".join(lost)}' if lost else ''
    if key == 'registries':
        try:
            bare = [one for one in value if not address(one).scheme]
        except RecipeError as error:
            return str(error)
        return f'{bare[0]!r} names no place; write it as oci://host/name' if bare else ''
    return ''


def _line(path: Path, text: str, key: str) -> str:
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf'\s*["\']?{re.escape(key)}["\']?\s*[=.\]]', line):
            return f'{path}:{number}'
    return str(path)
