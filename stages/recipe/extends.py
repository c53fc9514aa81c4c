"""What recipes share is said once: ``extends`` of a recipe, and ``recipes/_defaults.yaml`` of a project.

    extends: _int8.yaml            # or a list: later ones win over earlier ones, the recipe over all
    model: resnet18
    source: {…}
    variants:
      openvino-int8:               # nothing: this one of the shared variants is left out

Files whose names begin with ``_`` are no recipes of their own; another recipe may be extended too. ``check``,
``benchmark``, ``choose`` and ``regression`` are joined key by key at every depth, ``variants`` and ``data`` by the
names in them; all else is taken whole from whoever says it last. All of that happens before anything is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from stages.errors import RecipeError
from stages.recipe import entries
from stages.recipe.fetch import Reader
from stages.recipe.mistakes import Mistakes, listed, shown
from stages.recipe.strict_yaml import Key, Node, read_file

DEFAULTS: Final = '_defaults.yaml'
OF_A_PROJECT: Final = (
    'check', 'benchmark', 'choose', 'regression', 'timeout', 'memory', 'license', 'authors', 'tags',
)  # fmt: skip
"""What `_defaults.yaml` may say: nothing that belongs to one model."""

OWN: Final = ('model', 'extends')
"""Keys that nobody takes over."""

DEEP: Final = ('check', 'benchmark', 'choose', 'regression')
BY_NAME: Final = ('variants', 'data')
MOST: Final = 8
"""How deep recipes may extend each other, and how many one may name."""


class Shared:
    """The files that recipes of one folder extend, each read once."""

    def __init__(self) -> None:
        self._read: dict[str, Node | RecipeError] = {}

    def file(self, folder: Path, name: str) -> Node:
        """Return what the file says; raise a RecipeError that names its places."""
        if name not in self._read:
            try:
                self._read[name] = read_file(folder / name, Mistakes(f'recipes/{name}'), f'recipes/{name}')
            except RecipeError as error:
                self._read[name] = error
        found = self._read[name]
        if isinstance(found, RecipeError):
            raise found
        return found


def extended(node: Node, reader: Reader, shared: Shared) -> Node:
    """Return the recipe with what it extends, and with the project's defaults below that."""
    if not isinstance(node.value, dict):
        return node
    whole = _extended(node, reader, shared, ())
    defaults = _defaults(reader, shared, node)
    return _joined(defaults, whole) if defaults else whole


def _extended(node: Node, reader: Reader, shared: Shared, above: tuple[str, ...]) -> Node:
    key = next((key for key in node.value if key == 'extends'), None)
    if key is None:
        return node
    base: Node | None = None
    for name in _names(node.value[key], reader):
        at = node.value[key]
        if name in above or len(above) >= MOST:
            reader.mistakes.add(at, f'`extends` comes back to itself: {" → ".join([*above, name])}')
            continue
        if reader.file(name, at, '`extends`') is None:
            continue
        try:
            found = shared.file(reader.folder, name)
        except RecipeError as error:
            reader.mistakes.add(at, f'`extends` is {shown(name)}, which cannot be read: {"; ".join(error.problems)}')
            continue
        if not isinstance(found.value, dict):
            reader.mistakes.add(at, f'`extends` is {shown(name)}, which holds {shown(found.value)}; expected a mapping')
            continue
        found = _extended(found, reader, shared, (*above, name))
        found = found._replace(value={k: below for k, below in found.value.items() if k not in OWN})
        base = _joined(base, found) if base else found
    rest = node._replace(value={k: below for k, below in node.value.items() if k != 'extends'})
    return _joined(base, rest) if base else rest


def _names(node: Node, reader: Reader) -> list[str]:
    """Return the files that a recipe extends."""
    several = node.value if isinstance(node.value, list) else [node]
    if not several or len(several) > MOST:
        reader.mistakes.add(node, f'`extends` names {len(several)} files; expected 1 to {MOST}')
        return []
    found = [entries.text(below, '`extends`', reader.mistakes) for below in several]
    for name, below in zip(found, several, strict=True):
        if name is not None and not name.endswith('.yaml'):
            reader.mistakes.add(below, f'`extends` is {shown(name)}; expected a .yaml file below recipes/')
    return [name for name in found if name is not None and name.endswith('.yaml')]


def _defaults(reader: Reader, shared: Shared, node: Node) -> Node | None:
    """Return what `_defaults.yaml` says, where there is one."""
    if not (reader.folder / DEFAULTS).is_file():
        return None
    try:
        found = shared.file(reader.folder, DEFAULTS)
    except RecipeError as error:
        reader.mistakes.add(node, f'recipes/{DEFAULTS} cannot be read: {"; ".join(error.problems)}')
        return None
    if not isinstance(found.value, dict):
        reader.mistakes.add(found, f'recipes/{DEFAULTS} holds {shown(found.value)}; expected a mapping')
        return None
    for key in found.value:
        if key not in OF_A_PROJECT:
            said = f'recipes/{DEFAULTS} says {shown(str(key))}; it may say {listed(OF_A_PROJECT)}'
            reader.mistakes.add(key, said)
    return found._replace(value={key: below for key, below in found.value.items() if key in OF_A_PROJECT})


def _joined(base: Node, over: Node) -> Node:
    """Return both, ``over`` winning; its places stand for the whole."""
    value: dict[Key, Node] = dict(base.value)
    for key, below in over.value.items():
        there = value.pop(key, None)
        value[key] = below if there is None else _both(str(key), there, below)
    return over._replace(value=_in_order(value, base.value))


def _both(key: str, base: Node, over: Node) -> Node:
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    if key in DEEP:
        return _deep(base, over)
    if key not in BY_NAME:
        return over
    gone = {
        name for name, below in over.value.items() if below.value is None and name in base.value and key == 'variants'
    }
    kept = {name: below for name, below in base.value.items() if name not in over.value}
    return over._replace(value=kept | {name: below for name, below in over.value.items() if name not in gone})


def _deep(base: Node, over: Node) -> Node:
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    kept = {name: below for name, below in base.value.items() if name not in over.value}
    return over._replace(
        value=kept | {n: _deep(base.value[n], below) if n in base.value else below for n, below in over.value.items()}
    )


def _in_order(value: dict[Key, Node], first: Mapping[Key, Node]) -> dict[Key, Node]:
    """Return ``value`` with the keys of ``first`` in their place; one that is replaced counts where it is said last."""
    own = {str(key): key for key in value}
    order = [*(str(key) for key in first), *(name for name in own if name not in first)]
    return {own[name]: value[own[name]] for name in order}
