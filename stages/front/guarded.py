"""Whatever a task meets is a failure of that task in words; a traceback helps nobody who runs a build."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stages.errors import ModelkilnError
from stages.execute.project import STATE
from stages.front.failed import failed
from stages.store.disk import in_words
from stages.terminal import indented


def guarded(act: Callable[[], object]) -> Callable[[], object]:
    """Return ``act`` so that what a disk, a record or a step before it refuses is said as this task's failure."""

    def done() -> object:
        try:
            with in_words(Path(STATE).absolute()):
                return act()
        except ModelkilnError as error:
            return failed(indented(str(error)), error.exit_code)

    return done


def answered(current: Callable[[], bool]) -> Callable[[], bool]:
    """Return ``current`` so that what cannot be read is not current: the action meets it again, and says why."""

    def ask() -> bool:
        try:
            return current()
        except (OSError, ModelkilnError):
            return False

    return ask
