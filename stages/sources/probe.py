"""Make seeded inputs for a recipe that brings no data, so that variants can still be compared."""

from __future__ import annotations

from dataclasses import dataclass

from stages.contract.kind import Job

KIND = 'probe'
TOOLS = ('numpy',)
SAMPLES = 16


@dataclass(frozen=True)
class Params:
    """Options of ``probe``."""

    sizes: tuple[tuple[str, int], ...] = ()
    """Named dimensions besides the batch, and their sizes."""

    seed: int = 0
    """Of NumPy's default generator."""


def outputs(params: Params) -> tuple[str, ...]:
    return ('data.npz',)


def run(params: Params, job: Job) -> None:
    """Normal values for floats, 0 to 99 for integers; the first axis counts samples."""
    import numpy as np

    from stages.feed.npz import write_npz

    random = np.random.default_rng(params.seed)
    arrays = {}
    for tensor in job.signature:
        shape = (SAMPLES, *tensor.sized(**dict(params.sizes))[1:])
        values = random.standard_normal(shape) if tensor.dtype.startswith('float') else random.integers(0, 100, shape)
        arrays[tensor.name] = values.astype(tensor.dtype)
    write_npz(job.output / 'data.npz', arrays)
