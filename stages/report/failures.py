"""The failures of a report, each told once: a shared step with all the variants that it takes along."""

from __future__ import annotations

from dataclasses import dataclass

from stages.report.blocks import Block, Code, Items, Paragraph
from stages.report.reasons import Reason
from stages.report.rows import Row

MOST = 6
"""Names that a sentence lists."""


@dataclass(frozen=True)
class Told:
    """One failure and the variants that have it."""

    variants: tuple[str, ...]
    reason: Reason
    built: bool


def told(found: list[Row]) -> list[Told]:
    """Return the failures of steps in the order of their first variant; equal ones are one."""
    groups: dict[tuple[Reason, bool], dict[str, None]] = {}
    for row in found:
        if row.reason is not None:
            groups.setdefault((row.reason, row.built), {})[row.variant] = None
    return [Told(tuple(names), reason, built) for (reason, built), names in groups.items()]


def failed_blocks(found: list[Row]) -> list[Block]:
    """Everything that failed: steps, tolerances, bounds, measurements."""
    blocks: list[Block] = []
    for one in told(found):
        if not one.reason.expected:
            what = 'is too far from the source' if one.built else 'failed'
            blocks += _blocks(one, _subject(one.variants, what, one.reason.step))
    others: dict[str, list[str]] = {}
    for row in found:
        if row.failure and row.reason is None:
            threads = f' ({row.threads} thread{"s" * (row.threads != 1)})' if row.unmeasured and row.threads else ''
            others.setdefault(row.failure, []).append(row.variant + threads)
    items = tuple(f'{named(tuple(dict.fromkeys(names)))}: {stopped(why)}' for why, names in others.items())
    return [*blocks, *([Items(items)] if items else [])]


def unsupported_blocks(found: list[Row]) -> list[Block]:
    """What tools refuse, as the recipe expects."""
    blocks: list[Block] = []
    for one in told(found):
        if one.reason.expected:
            verb = 'is' if len(one.variants) == 1 else 'are'
            its = 'its' if len(one.variants) == 1 else 'their'
            blocks += _blocks(one, f'{named(one.variants)} {verb} unsupported, as {its} recipe expects')
    return blocks


def named(variants: tuple[str, ...]) -> str:
    """Return names in a sentence."""
    shown = ', '.join(variants[:MOST])
    return shown + (f' and {len(variants) - MOST} more' if len(variants) > MOST else '')


def stopped(text: str) -> str:
    """Return a sentence with its full stop."""
    return text if text.endswith(('.', '!', '?', '…')) else f'{text}.'


def _subject(variants: tuple[str, ...], what: str, step: str) -> str:
    if len(variants) == 1:
        return f'{variants[0]} {what}'
    return f'{step or "a shared step"} {what}, and with it {named(variants)}'


def _blocks(one: Told, subject: str) -> list[Block]:
    """What happened, what the tool said, what to try."""
    reason = one.reason
    facts = {'at': reason.step, 'operator': reason.operator, 'what to try': reason.advice, 'its log': reason.log}
    blocks: list[Block] = [Paragraph(f'{subject}: {stopped(reason.head)}')]
    if reason.words:
        blocks.append(Code(reason.words))
    items = tuple(f'{title}: {text}' for title, text in facts.items() if text)
    return [*blocks, *([Items(items)] if items else [])]
