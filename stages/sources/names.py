"""What the name of a file from outside says before the file is here."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from stages.paths import is_several

REPOSITORY: Final = re.compile(r'(?:[A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*@[0-9a-f]{40}')
"""A repository of the Hugging Face hub at one commit; a branch or a tag moves."""


def place(where: str, name: str, file: str, to: str) -> str:
    """Return where a fetched file lies among those it belongs to; empty for several: they have names of their own."""
    if is_several(file) or (where == 'path' and name.endswith('/')) or (where == 'hf' and not file):
        return ''
    return to or PurePosixPath({'pip': file, 'hf': file, 'https': path_of(name)}.get(where, name)).name


def path_of(url: str) -> str:
    """Return the path of ``url``, decoded."""
    return unquote(urlsplit(url).path)
