"""Comparisons as JUnit's XML, which CI systems show: a suite for each recipe, a case for each bound on each variant."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from stages.report.compare import Comparison
from stages.report.regression import judged
from stages.report.text import clean


def junit(found: Sequence[Comparison]) -> str:
    """Return the document. A loss beyond the noise is a failure; what noise hides is skipped, and says so."""
    top = Element('testsuites', name='modelkiln compare')
    for one in found:
        cases = judged(one, one.new.regression)
        count = {verdict: sum(case.verdict == verdict for case in cases) for verdict in ('regressed', 'not shown')}
        suite = SubElement(
            top, 'testsuite', name=clean(one.new.model), tests=str(len(cases)), failures=str(count['regressed']),
            skipped=str(count['not shown']), errors='0', timestamp=clean(one.new.created[:19]),
        )  # fmt: skip
        if not one.new.regression:
            suite.set('tests', '1')
            suite.set('skipped', '1')
            made = SubElement(suite, 'testcase', classname=clean(one.new.model), name='regression')
            SubElement(made, 'skipped', message='the recipe has no `regression:` block')
        for case in cases:
            made = SubElement(
                suite, 'testcase', classname=clean(one.new.model), name=clean(f'{case.variant} {case.figure}')
            )
            if case.verdict == 'regressed':
                SubElement(made, 'failure', message=clean(case.words), type='regression').text = clean(case.words)
            elif case.verdict == 'not shown':
                SubElement(made, 'skipped', message=clean(f'within the noise: {case.words}'))
    indent(top)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(top, encoding='unicode') + '\n'
