"""The table of readers: what data may come as, without Python. One file each; adding one is a file and a line here."""

from __future__ import annotations

from typing import Final

from stages.contract.reader import Reader
from stages.readers import audio, csv, images, npy, npz, text

READERS: Final[dict[str, Reader]] = {reader.READER: reader for reader in (images, npz, npy, csv, text, audio)}
"""By the word that a recipe writes below ``data``."""
