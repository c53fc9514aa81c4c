"""The Python before and after a model where it serves: ``around``.

around:
  requests: models/photos.py:requests   # what comes in: a list of anything, from the files of `evaluate`
  before:   models/photos.py:before     # a request → the model's inputs by name
  after:    models/photos.py:after      # its outputs by name → the answer; may be left out
"""

from __future__ import annotations

from typing import Final

from stages.recipe import entries
from stages.recipe.fetch import Reader, read_python
from stages.recipe.mistakes import listed
from stages.recipe.model import Around
from stages.recipe.strict_yaml import Node

KEYS: Final = ('requests', 'before', 'after')
REQUIRED: Final = ('requests', 'before')


def read_around(node: Node, reader: Reader) -> Around | None:
    """Return the functions, which one file holds: it goes with all that it imports, and is imported once."""
    given = entries.mapping(node, '`around`', reader.mistakes, KEYS, REQUIRED)
    if given is None:
        return None
    read = {str(key): read_python(below, f'`{key}` of `around`', reader) for key, below in given.items()}
    found = {key: python for key, python in read.items() if python}
    files = list(dict.fromkeys(python.file for python in found.values()))
    if len(files) > 1:
        words = f'`around` names functions of {listed(files)}; expected one file, which may import the others'
        reader.mistakes.add(node, words)
    if len(found) < len(given) or any(key not in found for key in REQUIRED) or len(files) > 1:
        return None
    after = found['after'].function if 'after' in found else ''
    return Around(files[0], found['requests'].function, found['before'].function, after)
