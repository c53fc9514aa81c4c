"""Hand the plan to doit. No decisions here."""

from pathlib import Path

from stages.build.tasks import settings, tasks

ROOT = Path(__file__).resolve().parent
DOIT_CONFIG = settings(ROOT)


def task_modelkiln():
    yield from tasks(ROOT)
