"""How a task fails, so that the run's exit code says what kind of failure it was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from stages.errors import IntegrityError, ModelkilnError, PromiseError, RecipeError, StepError, ToolError

if TYPE_CHECKING:
    from stages.layout.outcome import Outcome  # the run that has nothing to do loads this file, and nothing of that

WORST_FIRST: Final = tuple(
    kind.exit_code for kind in (ModelkilnError, IntegrityError, PromiseError, StepError, RecipeError, ToolError)
)
"""Of several, the first one here is the run's: what is missing or misspelt never hides what failed."""


def failed(words: str, code: int) -> Any:
    """Return a failure for doit that carries ``code``."""
    from doit.exceptions import TaskFailed

    failure = TaskFailed(words, report=True)
    failure.exit_code = code
    return failure


def code_of(outcome: Outcome) -> int:
    """Return the exit code of a variant that is broken."""
    return StepError.exit_code if outcome.failure or outcome.unmeasured else PromiseError.exit_code


def worst(codes: Iterable[int]) -> int:
    """Return the exit code of a run with these failures; 0 without any."""
    found = {*codes}
    return next((code for code in WORST_FIRST if code in found), max(found, default=0))
