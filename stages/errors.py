"""Every error a user can meet, and the exit code each class owns.

    ModelkilnError                 70  a bug of ours
        RecipeError                 2  a recipe is wrong; nothing was built
        FeedError                   2  what a model is given does not fit its contract; it was not run
        ToolError                   3  a package that a recipe needs is missing
            ForeignError            3  a model is compiled for another machine
        StepError                   4  a step failed, or was killed, or took too long
            UnsupportedError        4  the tool cannot do this to this model
        PromiseError                5  a result breaks its promise: missing output, too far from the source
        IntegrityError              6  a digest or a signature differs from what was recorded or asked for
        DeliveryError               7  a registry cannot be reached, has not what was asked for, or refuses

A message says where, what, what was expected and what to do next.
"""

from __future__ import annotations


class ModelkilnError(Exception):
    """The root of the tree; raised itself only for a bug of ours."""

    exit_code = 70


class RecipeError(ModelkilnError):
    """The recipe is wrong; nothing was built. ``problems`` holds one line per independent mistake."""

    exit_code = 2

    def __init__(self, *problems: str) -> None:
        super().__init__('\n'.join(problems))
        self.problems = problems


class FeedError(ModelkilnError, ValueError):
    """What a loaded model is given does not fit its contract; it was not run. A ValueError too, for callers of ours."""

    exit_code = 2


class ToolError(ModelkilnError):
    """A package that the recipe needs is missing; the message names the command that installs it."""

    exit_code = 3


class ForeignError(ToolError):
    """A model is compiled for another machine; the message says for which, and what would run it here."""


class StepError(ModelkilnError):
    """A step failed. The message ends with its log and the one command that repeats it."""

    exit_code = 4


class UnsupportedError(StepError):
    """A tool cannot do this to this model; says the operator, the tool's words, and what to try."""


class PromiseError(ModelkilnError):
    """A result breaks its promise: an output is missing, or too far from the source model."""

    exit_code = 5


class IntegrityError(ModelkilnError):
    """A digest differs from the one that was recorded or asked for."""

    exit_code = 6


class DeliveryError(ModelkilnError):
    """A registry or a server cannot be reached, does not have what was asked for, or does not let us."""

    exit_code = 7
