"""How like the float model a quantized one answers: what accuracy-aware quantization goes by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def judge(model: Any, feeds: list[dict[Any, Any]]) -> Callable[[Any, Iterable[Any]], tuple[float, list[float]]]:
    """
    Return what NNCF calls with a compiled model and some of ``feeds``: the mean likeness, and that of each feed.

    The likeness of a feed is the smallest cosine between an output and the float model's own; 1 is the float model. No
    label is looked at: that is the evaluation's, on other data.
    """
    import openvino as ov

    # f32 said out loud: where the CPU has bf16, OpenVINO would compute the standard in it
    float_model = ov.Core().compile_model(model, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    wanted = {id(feed): _outputs(float_model, feed) for feed in feeds}

    def score(compiled: Any, some: Iterable[Any]) -> tuple[float, list[float]]:
        each = [
            min(cosine(got, want) for got, want in zip(_outputs(compiled, feed), wanted[id(feed)], strict=True))
            for feed in some
        ]
        return sum(each) / len(each), each

    return score


def cosine(one: Any, other: Any) -> float:
    """Return the cosine of the angle between two arrays; equal ones give 1, also where both are zero."""
    import numpy as np

    a, b = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    sizes = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / sizes if sizes else float(np.array_equal(a, b))


def _outputs(compiled: Any, feed: dict[Any, Any]) -> list[Any]:
    results = compiled(feed)
    return [results[i].copy() for i in range(len(compiled.outputs))]
