"""Results in, docs/operators.md out: how many pass in each column, then what does not, by operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from benchmarks.operators.cases import Case, loaded
from benchmarks.operators.columns import ROADS, SOURCE, STOCK
from benchmarks.operators.outcome import CRASHED, NOTHING, OUTCOMES, PASSED, WRONG, Outcome
from stages.report.blocks import Column, Items, Line, Page, Paragraph, Section, Table
from stages.report.markdown import markdown

Results = Mapping[tuple[str, str], Outcome]

ABOUT: Final = """Each of ONNX’s node tests is one operator with inputs and the outputs that the standard expects of it;
these alone are the judge (rtol 1e-3, atol 1e-4; float16 1e-2; infinities and NaN have to be in equal places). A test is
run as it is, and frozen: every input but the first a weight, which is what models look like. source: the file through
the onnx source, run by ONNX Runtime. The other columns go on from what the source left and end in the engine of their
format. stock TVM: the file as it came, imported, legalized and built for LLVM by TVM alone."""

MEANS: Final = """nothing to do: the model holds nothing that the kind converts. refused, named: the first line of the
refusal names the operator, or the input or output. refused: it does not. ours: wrong, or a crash, where the tool
without us is right, or refuses. Stock TVM has no word for a refusal; any exception counts as one."""


def page(cases: Sequence[Case], results: Results, versions: Mapping[str, str]) -> str:
    """Return docs/operators.md for the results of ``cases``."""
    operators = {case.key: loaded(case).operator for case in cases}
    found = {key: outcome for key, outcome in results.items() if key[0] in operators}
    frozen, count = sum(case.frozen for case in cases), len(set(operators.values()))
    tools = ', '.join(f'{name} {number}' for name, number in versions.items())
    passed, ours = (f'{sum(test(o) for o in found.values())}' for test in (_passes, lambda o: o.ours))
    sections = [
        Section('numbers', 'In numbers', (Paragraph(_line(ABOUT)), _summary(found))),
        Section('stock', 'TVM and stock TVM', _against_stock(operators, found)),
        *(Section(name, f'What does not pass: {name}', (_refused(name, operators, found),)) for name in ROADS),
    ]
    return markdown(
        Page(
            title='ONNX’s own operator tests',
            subtitle='Made by “python benchmarks/onnx_operators.py --write”; not written by hand. '
            f'{len(cases) - frozen} tests of {count} operators, {frozen} of them frozen too; {tools}.',
            verdicts=(f'{passed} of {len(found)} runs pass; wrong answers and crashes of ours: {ours}.',),
            flags=(),
            sections=tuple(sections),
        )
    )


def _summary(found: Results) -> Table:
    """Return how many cases of each column have each outcome."""
    lines = []
    for name in (*ROADS, STOCK):
        here = [outcome for (_, column), outcome in found.items() if column == name]
        cells = [name, str(len(here))]
        for what in OUTCOMES:
            cells.append(str(sum(o.what == what for o in here)))
            if what in (WRONG, CRASHED):
                cells.append(str(sum(o.what == what and o.ours for o in here)) if name != STOCK else '–')
        lines.append(Line(tuple(cells)))
    titles = [title for what in OUTCOMES for title in ([what, 'ours'] if what in (WRONG, CRASHED) else [what])]
    columns = (Column('column'), *(Column(title, right=True) for title in ('cases', *titles)))
    return Table('', columns, tuple(lines), _line(MEANS))


def _against_stock(operators: Mapping[str, str], found: Results) -> tuple[Table | Items, ...]:
    """Return what both pass, what one of them does, and by name what only stock TVM does."""
    both: dict[tuple[bool, bool], list[str]] = {}
    for case in operators:
        if (case, 'tvm') in found and (case, STOCK) in found:
            both.setdefault((_passes(found[case, 'tvm']), _passes(found[case, STOCK])), []).append(case)
    words = {(True, True): 'both', (True, False): 'only ours', (False, True): 'only stock', (False, False): 'neither'}
    lines = tuple(
        Line((word, str(len(both.get(which, ()))), _listed(operators[case] for case in both.get(which, ()))))
        for which, word in words.items()
    )
    columns = (Column('pass in'), Column('cases', right=True), Column('operators'))
    only = tuple(f'{case}: {found[case, "tvm"].words}' for case in both.get((False, True), ()))
    table = Table('', columns, lines, 'Only stock, case by case, with our words:' if only else '')
    return (table, Items(only)) if only else (table,)


def _refused(name: str, operators: Mapping[str, str], found: Results) -> Table:
    """Return one line for each operator and reason in the column ``name``; what the source refuses stands there."""
    rows: Counter[tuple[str, str, str]] = Counter()
    for case, operator in operators.items():
        outcome, before = found.get((case, name)), found.get((case, SOURCE))
        if outcome is None or outcome.what in (PASSED, NOTHING):
            continue
        if name == SOURCE or before is None or outcome.words != before.words:
            alone = {True: ', ours', False: ', alone too'}[outcome.ours] if outcome.what in (WRONG, CRASHED) else ''
            rows[operator, outcome.what + alone, outcome.words] += 1
    lines = tuple(Line((*row[:2], str(count), row[2])) for row, count in sorted(rows.items()))
    columns = (Column('operator'), Column('outcome'), Column('cases', right=True), Column('what was said'))
    return Table('', columns, lines, '' if lines else 'Everything passes.')


def _passes(outcome: Outcome) -> bool:
    return outcome.what == PASSED


def _listed(names: Iterable[str]) -> str:
    counts = Counter(names)
    return ', '.join(f'{name} {count}' if count > 1 else name for name, count in sorted(counts.items()))


def _line(text: str) -> str:
    return ' '.join(text.split())
