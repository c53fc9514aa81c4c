"""What commands print with ``--json``, as classes; and the schema of every JSON document there is, by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from stages.command import bisect, check, compare, doctor, du, inspect, kinds, list, plan, why
from stages.deliver.schemas import SCHEMAS
from stages.document.schema import Schema, document_schema

ANSWERS: Final[Mapping[str, type[Any]]] = {
    'list': list.Listed,
    'plan': plan.Planned,
    'why': why.Explained,
    'kinds': kinds.Known,
    'inspect': inspect.Inspected,
    'doctor': doctor.Examined,
    'du': du.Used,
    'bisect': bisect.Bisected,
    'compare': compare.Compared,
    'checked': check.Checked,
}
"""By the command, but for that of ``check``: a document of that name is what a check of a model found."""

DOCUMENTS: Final[Mapping[str, Callable[[], Schema]]] = {
    **SCHEMAS,
    **{name: partial(document_schema, cls, f'Modelkiln {name}', format=1) for name, cls in ANSWERS.items()},
}
"""By the name of a document: how its schema is made."""


def schema_text(name: str) -> str:
    """Return a schema as it is published."""
    return json.dumps(DOCUMENTS[name](), indent=2, ensure_ascii=False) + '\n'


def schema_file(name: str) -> str:
    """Return the name of the file that a schema is published as, with the version of the format in it."""
    return f'{name}-{DOCUMENTS[name]().get("$id", ":1").rpartition(":")[2]}.json'
