"""The rows for machines: CSV for spreadsheets, JSON for CI; both unrounded, in nanoseconds and bytes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import Any

from stages.report import samples
from stages.report.blocks import Page
from stages.report.choose import Choice
from stages.report.findings import Findings
from stages.report.rows import Row, comparisons, short_verdict
from stages.report.statistics import level_for
from stages.report.text import in_csv
from stages.report.verdict import Verdict

FORMAT = 1


def as_json(findings: Findings, found: list[Row], choice: Choice, verdict: Verdict, screen: Page) -> str:
    """What was decided, from which numbers, on what machine; samples stay in samples.json."""
    kept = ('model', 'recipe', 'created', 'command', 'baseline', 'machine', 'versions',
            'runs_python', 'flags', 'regression', 'metric', 'source', 'inputs', 'outputs', 'preprocessing')  # fmt: skip
    document = {
        'format': FORMAT,
        **{name: getattr(findings, name) for name in kept},
        'protocol': asdict(findings.protocol),
        'choose': {'fastest': findings.asked.fastest, 'within': findings.asked.within},
        'check': {'max_drop': findings.asked.max_drop},
        'choice': asdict(choice),
        'verdict': asdict(verdict),
        'screen': {
            'headline': screen.headline,
            'facts': [[fact.title, fact.value, fact.note] for fact in screen.facts],
            'measured': [[fact.title, fact.value, fact.note] for fact in screen.measured],
            'notes': screen.verdicts,
        },
        'use': asdict(lines) if (lines := findings.use_of(choice.name, choice.threads)) else None,
        'speed_level': level_for(comparisons(findings)),
        'rows': [record(row, choice) for row in found],
    }
    return json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + '\n'


def as_csv(found: list[Row], choice: Choice) -> str:
    """One line per row, nested values as ``latency_mean``; a text no spreadsheet can take for a formula."""
    records = [_flat(record(row, choice)) for row in found]
    names = list(dict.fromkeys(name for one in records for name in one))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval='', lineterminator='\n')
    writer.writeheader()
    writer.writerows({name: in_csv(value) for name, value in one.items()} for one in records)
    return out.getvalue()


def record(row: Row, choice: Choice) -> dict[str, Any]:
    return {
        'variant': row.variant,
        'stages': row.chain,
        'steps': [{'kind': stage.kind, 'step': stage.step, 'makes': stage.makes} for stage in row.stages],
        'engine': row.engine,
        'format': row.format,
        'precision': row.precision,
        'batch': row.batch,
        'session': row.session,
        'apart': row.apart,
        'threads': row.threads,
        'setting': asdict(row.setting) if row.setting else None,
        'verdict': short_verdict(row),
        'failure': row.failure,
        'status': _status(row),
        'reason': asdict(row.reason) if row.reason else None,
        'chosen': choice.of(row),
        'latency_ns': asdict(row.latency) if row.latency else None,
        'throughput': asdict(row.throughput) if row.throughput else None,
        'cycle_means_ns': samples.cycle_means(row.cycles),
        'speed': asdict(row.ratio) if row.ratio else None,
        'percentiles_ns': {name: asdict(found) for name, found in row.percentiles.items()},
        'peak_memory_bytes': asdict(row.peak) if row.peak else None,
        'added_memory_bytes': row.added,
        'size_bytes': row.size,
        'metric': asdict(row.metric) if row.metric else None,
        'agreement': asdict(row.agreement) if row.agreement else None,
        'compressed': asdict(row.compressed) if row.compressed else None,
        'difference': {
            'max_abs': row.max_abs,
            'relative': row.relative,
            'cosine': row.cosine,
            'where': row.where,
        },
    }


def _status(row: Row) -> str:
    """``failed`` is also what is too far from its source: it is measured, and never shipped."""
    if row.built and row.reason is None:
        return 'built'
    return 'unsupported' if row.unsupported else 'failed'


def _flat(value: dict[str, Any], before: str = '') -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, dict):
            flat |= _flat(item, f'{before}{name}_')
        elif isinstance(item, (list, tuple)):
            flat[before + name] = ' '.join(str(one) for one in item if not isinstance(one, dict))
        else:
            flat[before + name] = '' if item is None else item
    return flat
