"""Hand the plan to doit. No decisions here."""

from pathlib import Path

from stages.front.start import opened, settings, tasks_of

PROJECT = opened(Path(__file__).resolve().parent)  # first: a wrong recipe leaves nothing on disk
DOIT_CONFIG = settings(PROJECT)


def task_modelkiln():
    yield from tasks_of(PROJECT)
