"""What an exception says, in one line of ``library.json``."""

from __future__ import annotations

from stages.errors import UnsupportedError


def said(error: BaseException) -> str:
    """Return the kind of an error, and the last line of it that says something; of a refusal, those of its cause.

    Too little memory is no reason to do without something: it is raised again.
    """
    if isinstance(error, UnsupportedError) and error.__cause__ is not None:
        return said(error.__cause__)
    if isinstance(error, MemoryError):
        raise error
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f'{type(error).__name__}: {lines[-1][:200]}' if lines else type(error).__name__
