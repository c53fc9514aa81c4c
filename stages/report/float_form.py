"""Every compressed form (f16, bf16, int8, int4, pruned) against its float form: what it gains, whether it pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stages.report import samples
from stages.report.compressed import Compressed
from stages.report.digits import ratio_text, significant
from stages.report.findings import Stage
from stages.report.rows import Row
from stages.report.statistics import NOISE, Ratio, level_for, paired_ratio, turned, verdict

FLOAT = 'f32'
WORTH = 0.05
"""A size or a peak that is not smaller by this share is no reason to ship another model."""

DOT_PRODUCTS = {
    'int8': ('avx512_vnni', 'avx_vnni', 'amx_int8', 'asimddp', 'i8mm'),
    'bf16': ('avx512_bf16', 'amx_bf16', 'bf16'),
    'f16': ('avx512_fp16',),
}
"""By precision: the CPU flags of instructions that compute in it; without one, it is computed by way of a wider one."""
COMPUTES = {'int8': 'int8 dot products', 'bf16': 'bf16 arithmetic', 'f16': 'f16 arithmetic'}


def with_compressed(found: list[Row], flags: Sequence[str] | None) -> list[Row]:
    """The same rows; those that are compressed with their comparison. ``flags`` are those of the CPU."""
    pairs = [(row, _form(row, found) if _is_compressed(row) and row.built else None) for row in found]
    level = level_for(sum(bool(form and row.latency and form.latency) for row, form in pairs))
    return [replace(row, compressed=_against(row, form, level, flags)) if form else row for row, form in pairs]


def _is_compressed(row: Row) -> bool:
    return row.precision not in ('', FLOAT) or any(_compresses(stage) for stage in row.stages)


def _compresses(stage: Stage) -> bool:
    return stage.makes != FLOAT


def _form(row: Row, found: list[Row]) -> Row | None:
    """The row's float form: the same stages without what changes the precision, else the nearest, else the baseline."""
    heavy = [other for other in found if other.built and not _is_compressed(other) and other.setting == row.setting]
    same = [other for other in heavy if (other.format, other.batch) == (row.format, row.batch)]
    ranked = sorted(same, key=lambda other: _distance(row, other))
    return ranked[0] if ranked else next((other for other in heavy if other.baseline), None)


def _distance(row: Row, other: Row) -> tuple[bool, bool, int]:
    options = [{k: v for k, v in one.options.items() if k != 'precision'} for one in (row, other)]
    apart = _apart(row, other)
    return apart is None, options[0] != options[1], apart or 0


def _apart(row: Row, other: Row) -> int | None:
    """In how many parameters the float stages differ, 0 for none; None when ``other`` has other stages.

    A stage that compresses the model is left out, or is there in its float form: ``openvino: {compress: none}``.
    """
    wanted, differ = list(other.stages), 0
    for stage in row.stages:
        if wanted and wanted[0].kind == stage.kind:
            one, two = stage.params, wanted.pop(0).params
            differ += sum(one.get(name) != two.get(name) for name in one.keys() | two.keys())
        elif not _compresses(stage):
            return None
    return None if wanted else differ


def _against(row: Row, form: Row, level: float, flags: Sequence[str] | None) -> Compressed:
    speed, one_run = _speed(row, form, level)
    peaks = samples.peaks(form.cycles), samples.peaks(row.cycles)
    memory = paired_ratio(*peaks, level) if all(peaks) else None
    size = row.size / form.size if row.size and form.size else None
    said = verdict(speed) if speed else 'not compared'
    word, why = _judged(row, said, speed, size, memory)
    if speed and said != 'faster' and (missing := _missing(row.precision, flags)):
        why += f'; {missing}'
    exact = _apart(row, form) is not None and (row.format, row.batch) == (form.format, form.batch)
    return Compressed(form.variant, exact, one_run, level, size, speed, said, memory, _metric(row, form), word, why)


def _speed(row: Row, form: Row, level: float) -> tuple[Ratio | None, bool]:
    """The ratio over paired rounds; of two runs, each against its own baseline, which cancels the days between."""
    own = samples.pairs(row.cycles, row.baseline_cycles)
    if form.baseline:
        return (paired_ratio(*own, level) if own[0] else None), True
    if row.baseline_cycles == form.baseline_cycles:
        before, after = samples.pairs(row.cycles, form.cycles)
        return (paired_ratio(before, after, level) if before else None), True
    other = samples.pairs(form.cycles, form.baseline_cycles)
    if not own[0] or not other[0]:
        return None, False
    shares = [[after / before for before, after in zip(*pair, strict=True)] for pair in (other, own)]
    return paired_ratio(shares[0], shares[1], level), False


def _metric(row: Row, form: Row) -> float | None:
    quality = row.quality
    if quality is None:
        return None
    if form.quality:
        return quality.value - form.quality.value if form.quality.name == quality.name else None
    # Agreement is agreement with the baseline, which has none of its own.
    return quality.value - 1 if form.baseline and quality.name == 'agreement' else None


def _judged(row: Row, said: str, speed: Ratio | None, size: float | None, memory: Ratio | None) -> tuple[str, str]:
    if row.failure:
        return 'does not pay', row.failure
    if speed is None:
        return 'not compared', 'its speed was not measured beside that of its float form'
    smaller = size is not None and size <= 1 - WORTH
    leaner = memory is not None and memory.low is not None and 1 / memory.low <= 1 - WORTH
    words, gains = speed_words(speed, said), ['size'] * smaller + ['memory'] * leaner
    sized = ', '.join(text for text in (size_words(size), memory_words(memory)) if text)
    if said == 'faster':
        return 'pays', _joined(words, sized)
    if said == 'slower':
        return 'does not pay on this CPU', _joined(words, f'though {sized}' if gains else sized)
    if gains:
        return f'pays in {" and ".join(gains)} only', _joined(words, sized)
    return f'{"not shown to pay" if said == "inconclusive" else "does not pay"} on this CPU', _joined(words, sized)


def _joined(*texts: str) -> str:
    return ', '.join(text for text in texts if text)


def speed_words(speed: Ratio, said: str) -> str:
    """``3.3× faster (2.9–3.7)``; a ratio below 1 turned round, so that slower is a figure too."""
    times, _, bounds = ratio_text(turned(speed) if said == 'slower' else speed).partition(' ')
    if said in ('faster', 'slower'):
        return f'{times} {said} {bounds}'.strip()
    if said == 'inconclusive':
        return f'no difference in speed shown ({", ".join(text for text in (times, bounds.strip("()")) if text)})'
    return 'as fast within 2 %'


def size_words(size: float | None) -> str:
    """``75 % smaller``."""
    return '' if size is None else _change(size, 'smaller', 'larger', 'of the same size')


def memory_words(memory: Ratio | None) -> str:
    """``36 % less memory``; nothing when the interval leaves open which way it goes."""
    if memory is None or (memory.low or 0) <= 1 <= (memory.high or 1):
        return ''
    return _change(1 / memory.value, 'less memory', 'more memory', 'as much memory', NOISE)


def _change(share: float, less: str, more: str, same: str, nothing: float = 0.005) -> str:
    if abs(1 - share) < nothing:
        return same
    return f'{significant(abs(1 - share) * 100, 2)} % {less if share < 1 else more}'


def instructions(precision: str, flags: Sequence[str] | None) -> list[str] | None:
    """Which instructions of this CPU compute in a precision; None when that is not known."""
    wanted = DOT_PRODUCTS.get(precision)
    return [flag for flag in flags if flag in wanted] if wanted and flags is not None else None


def _missing(precision: str, flags: Sequence[str] | None) -> str:
    return f'this CPU has no {COMPUTES[precision]}' if instructions(precision, flags) == [] else ''
