"""Rows into a page, in the order in which a reader asks: what to ship, can I trust it, what does it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stages.report import tables
from stages.report.blocks import Block, Code, Items, Page, Paragraph, Picture, Section, Table
from stages.report.choose import Choice
from stages.report.compressed_table import TITLE, lighter_table
from stages.report.reasons import Reason
from stages.report.rows import Findings, Row, comparisons
from stages.report.statistics import level_for
from stages.report.words import choice_sentence, sentence

METHOD = (
    'A cycle is one fresh process of one variant; a repetition is one timed call in it; a round is one cycle of each.',
    'Each variant is paired with the baseline in every round, so that a slow hour slows both.',
    'Timed is host array in to host array out, after warm-up, with the garbage collector off.',
    'The latency is the mean of the cycle means, with a Student t interval over them: calls of one process are not '
    'independent, so pooling them would promise too much.',
    'Speed is exp of the mean of ln(baseline/variant) over the rounds, with its t interval; above 1 is faster.',
    'Faster or slower is said only if the whole interval is more than 2 % away from 1; same, if all of it is within '
    '2 %; otherwise the answer is inconclusive, and more cycles help.',
    'With more than five comparisons the speed intervals are 99 %, since one of twenty 95 % intervals misses by luck.',
    'Percentiles are of all calls pooled; p95 from 300 calls, p99 from 500 and with its rank interval only.',
    'Nothing is dropped: outliers are counted and stay in every number. Flags never change a number.',
    'No value has more digits than its interval supports; report.json has them unrounded.',
)


def page(findings: Findings, found: list[Row], choice: Choice, pictures: Sequence[Picture]) -> Page:
    """The whole report; everything in it comes from the findings and the rows made of them."""
    threads = (findings.get('protocol') or {}).get('threads') or []
    sections = [
        Section('variants', 'Variants', tuple(_variants(findings, found, choice))),
        Section('charts', 'Charts', tuple(pictures)),
        Section('lighter', TITLE, (lighter_table(found, findings),)),
        Section('unbuilt', 'What could not be built', tuple(_unbuilt(found))),
        Section('trust', 'Can these numbers be trusted?', tuple(_trust(findings, found))),
        Section('cold', 'Cold costs', (tables.cold_table(found),)),
        Section('memory', 'Memory by phase', (tables.memory_table(found),)),
        Section('build', 'Build', (tables.build_table(findings),)),
        Section('environment', 'Environment', tuple(_environment(findings))),
        Section('versions', 'Versions', (tables.facts_table('Versions', findings.get('versions') or {}, 'package'),)),
        Section('repeat', 'How to repeat', tuple(_repeat(findings, found))),
        Section('method', 'Method', (Items(METHOD),)),
    ]
    return Page(
        title=str(findings.get('model') or 'model'),
        subtitle=_subtitle(findings, threads),
        verdicts=tuple(_verdicts(found, choice)),
        flags=tuple(findings.get('flags') or ()),
        sections=tuple(section for section in map(_filled, sections) if section.blocks),
    )


def _filled(section: Section) -> Section:
    """Without its empty tables: a heading above nothing only costs the reader's time."""
    blocks = tuple(block for block in section.blocks if not (isinstance(block, Table) and not block.lines))
    return Section(section.anchor, section.title, blocks)


def _subtitle(findings: Findings, threads: list[int]) -> str:
    protocol = findings.get('protocol') or {}
    count = len(findings.get('variants') or ())
    parts = [f'{count} variant{"s" * (count != 1)}']
    if protocol.get('cycles'):
        parts.append(f'{protocol["cycles"]} cycles × {protocol.get("repetitions")} repetitions')
    if threads:
        parts.append(f'{" and ".join(map(str, threads))} thread{"s" * (threads != [1])}')
    parts.append(str(findings.get('created') or '')[:10])
    return ' · '.join(part for part in parts if part)


def _verdicts(found: list[Row], choice: Choice) -> list[str]:
    """The choice, then how it compares; of the others, those that are slower, since nobody looks for them."""
    several = len({row.threads for row in found if row.threads}) > 1
    said = [choice_sentence(choice)]
    for row in found:
        best = row.variant == choice.name and row.threads == choice.threads
        base = next((one for one in found if one.baseline and one.threads == row.threads), None)
        if base and not row.baseline and row.ratio and not row.failure and (best or row.verdict == 'slower'):
            said.insert(1 if best else len(said), sentence(row, base, several))
    return said


def _variants(findings: Findings, found: list[Row], choice: Choice) -> list[Block]:
    blocks: list[Block] = [tables.main_table(found, findings, choice, level_for(comparisons(findings)))]
    expected = {row.variant for row in found if row.unsupported}
    refused = tuple(f'{name}: {_stop(why)}' for name, why in choice.refused.items() if name not in expected)
    if refused:
        blocks += [Paragraph('Not to be shipped under this recipe:'), Items(refused)]
    return blocks


def _stop(text: str) -> str:
    return text if text.endswith(('.', '!', '?', '…')) else f'{text}.'


def _unbuilt(found: list[Row]) -> list[Block]:
    """For each variant that is not there: what happened, what the tool said, what to try, and how to repeat it."""
    blocks: list[Block] = []
    for row in {row.variant: row for row in found if row.reason}.values():
        assert row.reason is not None
        blocks += _reasoned(row.variant, row.reason)
    return blocks


def _reasoned(name: str, reason: Reason) -> list[Block]:
    what = 'is unsupported, as its recipe expects' if reason.expected else 'failed'
    facts = {
        'at': reason.step, 'operator': reason.operator, 'what to try': reason.advice, 'its log': reason.log,
    }  # fmt: skip
    blocks: list[Block] = [Paragraph(f'{name} {what}: {_stop(reason.head)}')]
    if reason.words:
        blocks.append(Code(reason.words))
    items = tuple(f'{title}: {text}' for title, text in facts.items() if text)
    blocks += [Items(items)] if items else []
    return blocks


def _trust(findings: Findings, found: list[Row]) -> list[Block]:
    flags = tuple(findings.get('flags') or ())
    blocks: list[Block] = [Paragraph(
        f'{len(flags)} note{"s" * (len(flags) != 1)} at the top of this page.' if flags
        else 'No noise flag was raised.'
    )]  # fmt: skip
    single = [row.variant for row in found if row.latency and row.latency.half is None]
    if single:
        blocks.append(Items((f'One cycle only, so no interval and no verdict: {", ".join(single)}.',), True))
    few = [row for row in found if row.metric and row.metric.n and row.metric.n < 1000]
    if few and few[0].metric:
        blocks.append(Paragraph(
            f'{few[0].metric.name} was taken on {few[0].metric.n} samples; its interval stands beside each value.'
        ))  # fmt: skip
    return [*blocks, tables.trust_table(found), tables.tail_table(found)]


def _environment(findings: Findings) -> list[Block]:
    shapes = [f'{one.get("name")}: {one.get("dtype")} {one.get("shape")}' for one in findings.get('inputs') or ()]
    model: dict[str, Any] = {
        'inputs': shapes, 'outputs': findings.get('outputs'), 'preprocessing': findings.get('preprocessing'),
        'recipe': findings.get('recipe'), 'Python run by the recipe': findings.get('runs_python'),
    }  # fmt: skip
    return [tables.facts_table('Model', {key: value for key, value in model.items() if value}, 'fact'),
            tables.facts_table('Machine', findings.get('machine') or {}, 'fact')]  # fmt: skip


def _repeat(findings: Findings, found: list[Row]) -> list[Block]:
    blocks: list[Block] = [Code((str(findings.get('command') or ''),))]
    for row in {row.variant: row for row in found if row.reason and row.reason.repeat}.values():
        assert row.reason is not None
        what = 'was refused' if row.unsupported else 'failed'
        blocks += [Paragraph(f'{row.variant} {what}; this repeats that step alone.'), Code((row.reason.repeat,))]
    return blocks
