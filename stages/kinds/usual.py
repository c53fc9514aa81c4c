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


def known_wrong(params: Any, job: Any) -> None:
    """Raise UnsupportedError where ONNX Runtime is known to answer wrongly for the model; not if ``params.insist``."""
    import onnx

    from stages.frameworks.onnx import known_wrong

    known_wrong.refuse(onnx.load(job.inputs['model'] / 'model.onnx', load_external_data=False), params.insist)
