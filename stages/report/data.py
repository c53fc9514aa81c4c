"""The rows for machines: CSV for spreadsheets, JSON for CI; both unrounded, in nanoseconds and bytes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import Any, Literal

from stages.report import samples
from stages.report.blocks import Page
from stages.report.choose import Choice
from stages.report.findings import Findings
from stages.report.record import Apart, Checked, Choose, Record, Report, Screen, Step
from stages.report.rows import Row, comparisons, short_verdict
from stages.report.statistics import level_for
from stages.report.text import in_csv
from stages.report.verdict import Verdict


def as_json(findings: Findings, found: list[Row], choice: Choice, verdict: Verdict, screen: Page) -> str:
    """What was decided, from which numbers, on what machine; samples stay in samples.json."""
    report = Report(
        model=findings.model,
        recipe=findings.recipe,
        created=findings.created,
        command=findings.command,
        baseline=findings.baseline,
        machine=findings.machine,
        versions=findings.versions,
        runs_python=findings.runs_python,
        flags=findings.flags,
        regression=findings.regression,
        metric=findings.metric,
        source=findings.source,
        inputs=findings.inputs,
        outputs=findings.outputs,
        preprocessing=findings.preprocessing,
        protocol=findings.protocol,
        choose=Choose(findings.asked.fastest, findings.asked.within, findings.asked.budget),
        check=Checked(findings.asked.max_drop),
        choice=choice,
        verdict=verdict,
        screen=Screen(
            headline=screen.headline,
            facts=tuple((fact.title, fact.value, fact.note) for fact in screen.facts),
            measured=tuple((fact.title, fact.value, fact.note) for fact in screen.measured),
            notes=screen.verdicts,
        ),
        use=findings.use_of(choice.name, choice.threads),
        speed_level=level_for(comparisons(findings)),
        rows=tuple(record(row, choice) for row in found),
    )
    return json.dumps(asdict(report), indent=1, ensure_ascii=True, allow_nan=False) + '\n'


def as_csv(found: list[Row], choice: Choice) -> str:
    """One line per row, nested values as ``latency_mean``; a text no spreadsheet can take for a formula."""
    records = [_flat(asdict(record(row, choice))) for row in found]
    names = list(dict.fromkeys(name for one in records for name in one))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval='', lineterminator='\n')
    writer.writeheader()
    writer.writerows({name: in_csv(value) for name, value in one.items()} for one in records)
    return out.getvalue()


def record(row: Row, choice: Choice) -> Record:
    """Return what ``report.json`` says of a row."""
    return Record(
        variant=row.variant,
        stages=row.chain,
        steps=tuple(Step(stage.kind, stage.step, stage.makes) for stage in row.stages),
        engine=row.engine,
        format=row.format,
        precision=row.precision,
        options=row.options,
        untimed=row.untimed,
        batch=row.batch,
        session=row.session,
        apart=row.apart,
        threads=row.threads,
        setting=row.setting,
        verdict=short_verdict(row),
        failure=row.failure,
        status=_status(row),
        reason=row.reason,
        chosen=choice.of(row),
        latency_ns=row.latency,
        throughput=row.throughput,
        cycle_means_ns=tuple(samples.cycle_means(row.cycles)),
        speed=row.ratio,
        percentiles_ns=row.percentiles,
        whole_ns=row.whole,
        peak_memory_bytes=row.peak,
        added_memory_bytes=row.added,
        size_bytes=row.size,
        metric=row.metric,
        agreement=row.agreement,
        compressed=row.compressed,
        difference=Apart(row.max_abs, row.relative, row.cosine, row.where),
    )


def _status(row: Row) -> Literal['built', 'unsupported', 'failed']:
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
