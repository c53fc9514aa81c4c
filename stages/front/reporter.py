"""What doit itself prints: a line per task that ran, each failure once, in our words, and how the run ended."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TextIO

from doit.exceptions import BaseFail, TaskFailed, UnmetDependency
from doit.reporter import ConsoleReporter

from stages import terminal
from stages.errors import ModelkilnError, RecipeError
from stages.front.failed import worst

if TYPE_CHECKING:
    from stages.front.ahead import Ahead, Took  # a run that has nothing to do loads nothing of that

NOTHING_DONE: Final = {'nothing done': True}
"""The `meta` of a task that only says something."""

INDEX: Final = 'artifacts/index.html'
"""The page of all reports."""


class Reporter(ConsoleReporter):  # type: ignore[misc]  # doit has no types
    """doit's console reporter without tracebacks for failures that explain themselves.

    ``wrong``: a recipe was left out because it is wrong. ``done`` counts what the run does, ``reports`` are the pages
    that it wrote, ``took`` is how long a task took before: without it nothing is said of what is left.
    """

    def __init__(
        self, stream: TextIO, *, wrong: bool = False, done: Counter[str] | None = None, reports: Sequence[str] = (),
        took: Took | None = None,
    ) -> None:  # fmt: skip
        super().__init__(stream, {})
        self.wrong = wrong
        self.done: Counter[str] = Counter() if done is None else done
        self.reports, self.took = reports, took
        self.ahead: Ahead | None = None
        self.started = time.monotonic()

    def initialize(self, tasks: Mapping[str, Any], selected_tasks: list[str]) -> None:
        """On a terminal, show from now on what is left."""
        if self.took is None or not terminal.moving():
            return
        from stages.front.ahead import ahead_of

        ahead = self.ahead = ahead_of(tasks, selected_tasks, self.took)
        terminal.all_of_it(lambda: ahead.whole(self.done))

    def write(self, text: str) -> None:
        """Write what is safe to show: names and reasons come from recipes, models and frameworks."""
        terminal.write(self.outstream, text)

    def skip_uptodate(self, task: Any) -> None:
        """Say nothing of private tasks and little of the rest."""
        self._over(task)
        if not task.name.startswith('_'):
            self.write(f'  current {task.name}\n')

    def execute_task(self, task: Any) -> None:
        """Steps say themselves what they do."""
        if self.ahead:
            self.ahead.begins(task.name)

    def add_success(self, task: Any) -> None:
        """Name what was delivered."""
        self._over(task)
        if task.actions and not task.name.startswith('_') and task.meta != NOTHING_DONE:
            self.write(f'  done    {task.name}\n')

    def add_failure(self, task: Any, fail: BaseFail) -> None:
        """Keep the failure for the end; one that only follows from another is not said."""
        self._over(task)
        self.failures.append({'task': task, 'exception': fail})

    def _over(self, task: Any) -> None:
        if self.ahead:
            self.ahead.over(task.name)

    def complete_run(self) -> None:
        """Print every failure once, with all the tasks that it takes along, and what was done; end with our exit code.

        doit's own code is 1 for whatever failed; ours says what kind of failure it was.
        """
        terminal.still()
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
        pages = dict.fromkeys(self.reports)
        drawn = len(pages) > 1 and all(page.endswith('.html') for page in pages)  # else there is no index
        where = f'; report: {INDEX if drawn else ", ".join(pages)}' if pages else ''
        self.write(f'\n{", ".join([*counted, *broken]) or "nothing to do"}, in {took}{where}\n')
