"""The table of readers: what data may come as, without Python. One file each; adding one is a file and a line here."""

from __future__ import annotations

from typing import Final, cast

from stages import others
from stages.contract.reader import Reader
from stages.readers import audio, csv, images, npy, npz, text

OURS: Final[dict[str, Reader]] = {reader.READER: reader for reader in (images, npz, npy, csv, text, audio)}


def _loaded(offer: others.Offer) -> Reader:
    return cast('Reader', others.load(offer, others.names_of(Reader), 'READER'))


READERS: Final = others.Table('readers', OURS, _loaded)
"""By the word that a recipe writes below ``data``."""
