"""What the name of a file from outside says before the file is here."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

GLOB = '*?['


def is_several(file: str) -> bool:
    """Say whether ``file`` means several files: a glob, or a folder with all that is below it (``saved/``)."""
    return file.endswith('/') or any(c in file for c in GLOB)


def path_of(url: str) -> str:
    """Return the path of ``url``, decoded."""
    return unquote(urlsplit(url).path)
