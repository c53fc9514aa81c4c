"""What doit itself prints: a line per task that ran, each failure once, in our words, and how the run ended."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, TextIO

from doit.exceptions import BaseFail, TaskFailed, UnmetDependency
from doit.reporter import ConsoleReporter

from stages.errors import ModelkilnError, RecipeError
from stages.front.failed import worst
from stages.terminal import Plain


class Reporter(ConsoleReporter):  # type: ignore[misc]  # doit has no types
    """doit's console reporter without tracebacks for failures that explain themselves.

    ``wrong``: a recipe was left out because it is wrong. ``done`` counts what the run does.
    """

    def __init__(self, stream: TextIO, *, wrong: bool = False, done: Counter[str] | None = None) -> None:
        super().__init__(stream, {})
        self.wrong = wrong
        self.done: Counter[str] = Counter() if done is None else done
        self.started = time.monotonic()

    def write(self, text: str) -> None:
        """Write what is safe to show: names and reasons come from recipes, models and frameworks."""
        Plain(self.outstream).write(text)

    def skip_uptodate(self, task: Any) -> None:
        """Say nothing of private tasks and little of the rest."""
        if not task.name.startswith('_'):
            self.write(f'  current {task.name}\n')

    def execute_task(self, task: Any) -> None:
        """Steps say themselves what they do."""

    def add_success(self, task: Any) -> None:
        """Name what was delivered."""
        if task.actions and not task.name.startswith('_'):
            self.write(f'  done    {task.name}\n')

    def add_failure(self, task: Any, fail: BaseFail) -> None:
        """Keep the failure for the end; one that only follows from another is not said."""
        self.failures.append({'task': task, 'exception': fail})

    def complete_run(self) -> None:
        """Print every failure once, with all the tasks that it takes along, and what was done; end with our exit code.

        doit's own code is 1 for whatever failed; ours says what kind of failure it was.
        """
        told: dict[str, list[str]] = {}
        codes = {RecipeError.exit_code} if self.wrong else set()
        for failure in self.failures:
            fail = failure['exception']
            if isinstance(fail, UnmetDependency):
                continue
            text = fail.message if isinstance(fail, TaskFailed) else fail.get_msg()
            told.setdefault(text.strip(), []).append(failure['task'].name)
            codes.add(getattr(fail, 'exit_code', ModelkilnError.exit_code))
        if told:
            self.write('\nFailed:\n')
        for text, names in told.items():
            self.write(f'- {", ".join(names)}: {text}\n')
        if self.done or told:
            self._close(sum(len(names) for names in told.values()))
        if code := worst(codes):
            raise SystemExit(code)

    def _close(self, failures: int) -> None:
        """Say in one line what was done, and how long it took."""
        seconds = time.monotonic() - self.started
        took = f'{seconds:.0f} s' if seconds < 120 else f'{seconds / 60:.0f} min'
        counted = [f'{count} {what}' for what, count in sorted(self.done.items()) if what != 'failed']
        broken = [f'{failures} failed'] if failures else []
        self.write(f'\n{", ".join([*counted, *broken]) or "nothing to do"}, in {took}\n')
