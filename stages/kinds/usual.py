"""The usual answers, for kinds that have nothing special to say: ``needs = usual.no_data``."""

from __future__ import annotations

from typing import Any


def no_data(params: Any) -> tuple[str, ...]:
    """Read nothing beside the model."""
    return ()


def same_precision(params: Any, before: str) -> str:
    """Keep the precision."""
    return before


def any_cpu(params: Any) -> bool:
    """Make the same bytes on every CPU."""
    return False


def int8(params: Any, before: str) -> str:
    """Leave int8; a pruned model stays one: only its accuracy can tell whether it serves."""
    return before if before == 'pruned' else 'int8'
