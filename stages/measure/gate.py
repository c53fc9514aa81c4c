"""The numeric gate as a step: run a model on the recipe's inputs and record how far it is from the source.

It records figures; whether they are good enough is judged afterwards, so that another tolerance runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stages.contract.kind import Job

KIND = 'check'
TOOLS: tuple[str, ...] = ()


@dataclass(frozen=True)
class Params:
    """What to run and what to compare."""

    engine: str
    options: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 1
    metric: Mapping[str, Any] | None = None
    """What counts on the evaluation data, as ``stages.measure.metrics`` reads it; None: nothing."""

    output: str = ''
    judge: str = ''
    """The Python below recipes/ that the metric is in; empty: one of ours."""

    carries: tuple[tuple[str, str], ...] = ()
    """Inputs that take over an output of the sample before."""


def outputs(params: Params) -> tuple[str, ...]:
    return ('check.json', 'outputs.npz')


def run(params: Params, job: Job) -> None:
    """Leave ``check.json`` (figures) and ``outputs.npz`` (what the model answered)."""
    from stages.measure.check import check

    check(
        {
            'engine': params.engine,
            'options': dict(params.options),
            'threads': params.threads,
            'folder': str(job.inputs['model']),
            'signature': [{'name': t.name, 'shape': list(t.shape), 'dtype': t.dtype} for t in job.signature],
            'probe': str(job.inputs['probe'] / 'data.npz'),
            'evaluate': str(job.inputs['evaluate'] / 'data.npz') if 'evaluate' in job.inputs else None,
            'reference': str(job.inputs['reference'] / 'outputs.npz') if 'reference' in job.inputs else None,
            'metric': params.metric,
            'metric_output': params.output or None,
            'python': str(job.inputs['python']) if params.judge else None,
            'judge': params.judge,
            'carries': dict(params.carries),
            'outputs': list(job.outputs),
            'output': str(job.output),
        }
    )
