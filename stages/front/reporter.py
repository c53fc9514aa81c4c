"""What doit itself prints: a line per task that ran, and each failure once, in our words."""

from __future__ import annotations

from typing import Any

from doit.exceptions import BaseFail, TaskFailed, UnmetDependency
from doit.reporter import ConsoleReporter

from stages.terminal import Plain


class Reporter(ConsoleReporter):  # type: ignore[misc]  # doit has no types
    """doit's console reporter without tracebacks for failures that explain themselves."""

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
        """Print every failure once, with all the tasks that it takes along."""
        told: dict[str, list[str]] = {}
        for failure in self.failures:
            fail = failure['exception']
            if not isinstance(fail, UnmetDependency):
                text = fail.message if isinstance(fail, TaskFailed) else fail.get_msg()
                told.setdefault(text.strip(), []).append(failure['task'].name)
        if told:
            self.write('\nFailed:\n')
        for text, names in told.items():
            self.write(f'- {", ".join(names)}: {text}\n')
