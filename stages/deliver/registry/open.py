"""From an address to the place: the table of what kinds of places there are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from stages.deliver.registry.address import Address
from stages.deliver.registry.contract import Net, Reading, Writing
from stages.errors import RecipeError

WEB: Final = ('http', 'https')
REFUSED: Final = {
    'local': 'write it as file://', 'ftp': 'it is spoken without TLS', 'data': 'it is no place', 'memory': '',
    'github': 'read its files by https', 'git': 'read its files by https', 'hf': 'a hub checks sizes only',
}  # fmt: skip


def to_read(place: Address, net: Net) -> Reading:
    """Return the place, to read from. Raises RecipeError for one that is not understood; contacts nobody yet."""
    if place.scheme == 'oci':
        from stages.deliver.registry.oci import OciRegistry

        return OciRegistry(place, net)
    if place.scheme in WEB:
        from stages.deliver.registry.files import WebFiles
        from stages.deliver.registry.layout import ImageLayout
        from stages.deliver.registry.web import Web

        return ImageLayout(place, WebFiles(place.repository, Web(net)))
    return _files(place)


def to_write(place: Address, net: Net) -> Writing:
    """Return the place, to write to. Raises RecipeError for one that cannot be written."""
    if place.scheme == 'oci':
        from stages.deliver.registry.push_oci import PushableRegistry

        return PushableRegistry(place, net)
    if place.scheme in WEB:
        raise RecipeError(f'{place.repository}: a web server is read only; push to oci://, s3:// or file://')
    return _files(place)


def _files(place: Address) -> Writing:
    from stages.deliver.registry.files import LocalFiles, StoreFiles
    from stages.deliver.registry.layout import WritableLayout

    if not place.scheme:
        raise RecipeError(f'{place}: names no place; write one as oci://host/name, s3://bucket/name or file:///folder')
    if place.scheme in REFUSED:
        raise RecipeError(f'{place.repository}: {REFUSED[place.scheme] or "it is gone with the process"}')
    if place.scheme == 'file':
        return WritableLayout(place, LocalFiles(Path(place.place)))
    return WritableLayout(place, StoreFiles(place.repository))
