"""Samples in, pages out: statistics, verdicts, charts, Markdown, HTML, the choice. Reads findings; never measures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from stages.atomic import write_text
from stages.report.choose import Choice, choose
from stages.report.findings import Findings, read_findings
from stages.report.rows import Row
from stages.report.verdict import Verdict, judge

__all__ = ['TOOLS', 'Choice', 'Findings', 'Verdict', 'choose', 'read_findings', 'rows_of', 'write_report']


TOOLS = ('jinja2', 'matplotlib', 'scipy')
"""All that a report needs."""

DRAW = ('jinja2', 'matplotlib')
"""What draws the page; without them there is no report.html."""


def rows_of(findings: Findings) -> list[Row]:
    """Return every row, those of compressed forms with their comparison."""
    from stages.report.float_form import with_compressed
    from stages.report.rows import rows

    return with_compressed(rows(findings), findings.cpu_flags)


def write_report(findings: Findings, folder: Path, *, draw: bool = True) -> tuple[Choice, Verdict]:
    """Write report.md, .csv, .json and, unless not to ``draw``, .html, each whole or not at all.

    Return what was chosen, and the verdict on it.

    All are made before the first is written, so a report that cannot be made leaves the former one alone.
    """
    from stages.report.charts import charts
    from stages.report.data import as_csv, as_json
    from stages.report.html import html
    from stages.report.markdown import markdown
    from stages.report.page import page
    from stages.report.text import clean_tree

    # Cleaned once, here, so that no page can forget to.
    safe = read_findings(clean_tree(asdict(findings)))
    found = rows_of(safe)
    choice = choose(safe, found)
    verdict = judge(safe, found, choice)
    made = page(safe, found, choice, verdict, charts(found, choice) if draw else [])
    texts = {
        'report.md': markdown(made),
        **({'report.html': html(made)} if draw else {}),
        'report.csv': as_csv(found, choice),
        'report.json': as_json(safe, found, choice, verdict, made),
    }
    for name, text in texts.items():
        write_text(folder / name, text, durable=True)
    return choice, verdict
