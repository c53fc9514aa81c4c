"""Rows into a page, in the order in which a reader asks: what to ship, can I trust it, what does it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stages.measure.tolerance import untestable
from stages.report import tables
from stages.report.blocks import Block, Code, Items, Page, Paragraph, Picture, Section, Table
from stages.report.choose import Choice
from stages.report.compressed_table import TITLE, compressed_table
from stages.report.facts import facts, measured
from stages.report.failures import failed_blocks, named, stopped, told, unsupported_blocks
from stages.report.findings import Findings
from stages.report.rows import Row
from stages.report.verdict import Verdict
from stages.report.whole_table import TITLE as WHOLE
from stages.report.whole_table import whole_blocks, whole_sentence
from stages.report.words import sentence, verdict_sentence

METHOD = (
    'A cycle is one fresh process of one variant; a repetition is one timed call in it; a round is one cycle of each.',
    'Each variant is paired with the baseline in every round, so that a slow hour slows both.',
    'Timed is host array in to host array out, after warm-up, with the garbage collector off.',
    'The latency is the mean of the cycle means, with a Student t interval over them: calls of one process are not '
    'independent, so pooling them would promise too much.',
    'Speed is exp of the mean of ln(baseline/variant) over the rounds, with its t interval; above 1 is faster.',
    'Faster or slower is said only if the whole interval is more than 2 % away from 1; same, if all of it is within '
    '2 %; otherwise the answer is inconclusive, and more cycles help.',
    'Intervals are 95 %. Faster or slower is said only if the 99 % interval is away from 1 as well (99.8 % with more '
    'than five comparisons), since one of twenty 95 % intervals misses by luck.',
    'All rows that can be chosen are of one session. Where a process ran slower than the others of its variant, half '
    'as many rounds more were taken.',
    'Of the metric: Wilson intervals of shares, Student t of means, draws of the samples else; losses are of paired '
    'answers (McNemar).',
    'Percentiles are of all calls pooled; p95 from 300 calls, p99 from 500 and with its rank interval only.',
    'Nothing is dropped: outliers are counted and stay in every number. Flags never change a number.',
    'No value has more digits than its interval supports; report.json has them unrounded.',
)


def page(findings: Findings, found: list[Row], choice: Choice, verdict: Verdict, pictures: Sequence[Picture]) -> Page:
    """The whole report; everything in it comes from the findings and the rows made of them."""
    sections = [
        Section('variants', 'Variants', tuple(_variants(findings, found, choice))),
        Section('choice', 'How it was chosen', tuple(_chosen(choice, verdict))),
        Section('use', 'How to run it', tuple(_use(findings, choice))),
        Section('charts', 'Charts', tuple(pictures)),
        Section('whole', WHOLE, tuple(whole_blocks(found, findings.baseline, choice))),
        Section('compressed', TITLE, (compressed_table(found, findings),)),
        Section('failed', 'Failed', tuple(failed_blocks(found))),
        Section('unsupported', 'Unsupported, as the recipe expects', tuple(unsupported_blocks(found))),
        Section('weaker', 'On weaker CPUs', tuple(_weaker(found))),
        Section('trust', 'Can these numbers be trusted?', tuple(_trust(findings, found))),
        Section('cold', 'Cold costs', (tables.cold_table(found),)),
        Section('memory', 'Memory by phase', (tables.memory_table(found),)),
        Section('build', 'Build', (tables.build_table(findings),)),
        Section('environment', 'Environment', tuple(_environment(findings))),
        Section('versions', 'Versions', (tables.facts_table('Versions', findings.versions, 'package'),)),
        Section('repeat', 'How to repeat', tuple(_repeat(findings, found))),
        Section('method', 'Method', (Items(METHOD),)),
    ]
    return Page(
        title=findings.model,
        subtitle=_subtitle(findings),
        verdicts=tuple(_verdicts(findings, found, choice, verdict)),
        flags=findings.flags,
        sections=tuple(section for section in map(_filled, sections) if section.blocks),
        headline=verdict.headline,
        grade=verdict.grade,
        facts=facts(findings, found, choice, verdict),
        measured=measured(findings),
    )


def _filled(section: Section) -> Section:
    """Without its empty tables: a heading above nothing only costs the reader's time."""
    blocks = tuple(block for block in section.blocks if not (isinstance(block, Table) and not block.lines))
    return Section(section.anchor, section.title, blocks)


def _subtitle(findings: Findings) -> str:
    count = len(findings.variants)
    return ' · '.join(part for part in (f'{count} variant{"s" * (count != 1)}', findings.recipe) if part)


def _verdicts(findings: Findings, found: list[Row], choice: Choice, verdict: Verdict) -> list[str]:
    """The verdict, then how it compares; of the others, those that are slower, since nobody looks for them."""
    several = len({row.threads for row in found if row.threads}) > 1
    said = [verdict_sentence(verdict, choice)]
    told = [
        *verdict.reasons[1:],
        *([words] if (words := whole_sentence(found, findings.baseline, choice)) else []),
        *(f'Over budget, the build fails: {words}.' for words in verdict.over),
        *verdict.notes,
    ]
    for row in found:
        best = choice.of(row)
        base = next((one for one in found if one.baseline and one.setting == row.setting), None)
        if base and not row.baseline and row.ratio and not row.failure and (best or row.verdict == 'slower'):
            said.insert(1 if best else len(said), sentence(row, base, several))
    return [said[0], *told, *said[1:]]


def _variants(findings: Findings, found: list[Row], choice: Choice) -> list[Block]:
    blocks: list[Block] = [tables.main_table(found, findings, choice)]
    blocks += [Items(tuple(stopped(words) for words in findings.advice), True)] if findings.advice else []
    expected = {row.variant for row in found if row.unsupported}
    same: dict[str, list[str]] = {}
    for name, why in choice.refused.items():
        if name not in expected:
            same.setdefault(why, []).append(name)
    refused = tuple(f'{named(tuple(names))}: {stopped(why)}' for why, names in same.items())
    if refused:
        blocks += [Paragraph('Not to be shipped under this recipe:'), Items(refused)]
    return blocks


def _chosen(choice: Choice, verdict: Verdict) -> list[Block]:
    blocks: list[Block] = [Items(choice.rule)] if choice.rule else []
    if choice.front:
        words = 'No other variant beats these in time, peak memory, size and the metric together: '
        blocks.append(Paragraph(words + ', '.join(choice.front) + '.'))
    return blocks


def _use(findings: Findings, choice: Choice) -> list[Block]:
    """Lines to copy that run the winner: with the loader, and with its engine alone."""
    lines = findings.use_of(choice.name, choice.threads)
    if lines is None:
        return []
    blocks: list[Block] = [
        Paragraph(f'From the project’s root; its files are in artifacts/{findings.model}/{choice.name}.'),
        Code(lines.modelkiln),
    ]
    return [*blocks, Paragraph('With its engine alone:'), Code(lines.plain)] if lines.plain else blocks


def _weaker(found: list[Row]) -> list[Block]:
    """Why some variants have no times where the CPU is kept to an instruction set; the same reason is said once."""
    why: dict[str, list[str]] = {}
    for row in found:
        if row.untimed and row.setting:
            why.setdefault(row.untimed, []).append(row.variant)
    return [Items(tuple(stopped(f'{named(tuple(names))}: {words}') for words, names in why.items()))] if why else []


def _trust(findings: Findings, found: list[Row]) -> list[Block]:
    flags = findings.flags
    blocks: list[Block] = [Paragraph(
        f'{len(flags)} note{"s" * (len(flags) != 1)} at the top of this page.' if flags
        else 'No noise flag was raised.'
    )]  # fmt: skip
    single = [row.variant for row in found if row.latency and row.latency.half is None]
    if single:
        blocks.append(Items((f'One cycle only, so no interval and no verdict: {", ".join(single)}.',), True))
    if notes := tuple(stopped(note) for note in _notes(findings, found)):
        blocks.append(Items(notes, True))
    few = [row for row in found if row.metric and row.metric.n and row.metric.n < 1000]
    if few and few[0].metric:
        blocks.append(Paragraph(
            f'{few[0].metric.name} was taken on {few[0].metric.n} answers; its interval stands beside each value.'
        ))  # fmt: skip
    return [*blocks, tables.trust_table(found), tables.tail_table(found)]


def _notes(findings: Findings, found: list[Row]) -> list[str]:
    """What a bound cannot test, and what else is to be known of a variant; the same of several is said once."""
    score = next((row.metric for row in found if row.metric), None)
    bounds = [findings.asked.max_drop, findings.asked.within.get('accuracy_drop')]
    said = [sentence for bound in bounds if (sentence := untestable(score, bound))]
    return list(dict.fromkeys([*said, *(note for variant in findings.variants for note in variant.notes)]))


def _environment(findings: Findings) -> list[Block]:
    shapes = [f'{one.get("name")}: {one.get("dtype")} {one.get("shape")}' for one in findings.inputs]
    model: dict[str, Any] = {
        'inputs': shapes, 'outputs': findings.outputs, 'preprocessing': findings.preprocessing,
        'recipe': findings.recipe, 'Python run by the recipe': findings.runs_python,
    }  # fmt: skip
    return [tables.facts_table('Model', {key: value for key, value in model.items() if value}, 'fact'),
            tables.facts_table('Machine', findings.machine, 'fact')]  # fmt: skip


def _repeat(findings: Findings, found: list[Row]) -> list[Block]:
    blocks: list[Block] = [Code((findings.command,))]
    for one in told(found):
        if one.reason.repeat:
            what = 'was refused' if one.reason.expected else 'is too far from the source' if one.built else 'failed'
            names = named(one.variants)
            blocks += [Paragraph(f'{names} {what}; this repeats that step alone.'), Code((one.reason.repeat,))]
    return blocks
