"""What an engine raises while a loaded model runs, in one sentence, and whose fault it is."""

from __future__ import annotations

import re
from typing import Final

from stages.document.manifest import Manifest
from stages.errors import FeedError, ModelkilnError, StepError, UnsupportedError

VALUES: Final = (IndexError, ValueError, UnsupportedError)
"""What engines raise because of the numbers that they are given: an index that a table has not, a size that does not
fit another. Of what else they raise nobody knows."""

LAST: Final = re.compile(r'^\w*(?:Error|Exception): (.+)', re.M)
"""How a traceback ends that is part of a message."""


def refused(manifest: Manifest, error: Exception) -> ModelkilnError:
    """Return what to raise instead of ``error``: FeedError where the feed is to blame, else StepError."""
    if isinstance(error, FeedError):
        return error
    kind = FeedError if isinstance(error, VALUES) else StepError
    return kind(f'{manifest.name}: {manifest.engine} cannot answer what it was given: {_words(error)}')


def _words(error: Exception) -> str:
    """Return the engine's own words in a line: its message without advice for whoever builds, and without frames."""
    text = str(error.__cause__ or error) if isinstance(error, UnsupportedError) else str(error)
    ends = LAST.findall(text)
    line = ends[-1] if ends else next((line for line in text.splitlines() if line.strip()), type(error).__name__)
    return line.strip()[:300]
