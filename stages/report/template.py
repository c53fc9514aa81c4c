"""The HTML of a page: Jinja templates, never filled without autoescape, with nothing to load and one script of ours."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --font: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif;
  --paper: #fbfaf8; --card: #ffffff; --ink: #1d2126; --muted: #5c646d; --line: #e4e2dd; --edge: #8a8f96;
  --accent: #08694a; --plain: #3f639a; --strip: #c9d3e1; --wash: #e9f5ef; --warn: #7d5200; --warn-wash: #fdf4e0;
  --bad: #a4262c; --bad-wash: #fbecec; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --card: #1b1f24; --ink: #e7e9ec; --muted: #9aa3ad;
  --line: #2e343b; --edge: #7b848e; --accent: #4cc79a; --plain: #86aee6; --strip: #3b4a5e; --wash: #17302a;
  --warn: #f0bf62; --warn-wash: #2c2414; --bad: #f08a8e; --bad-wash: #331c1d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 var(--font); }
main { padding: 1.2rem clamp(.9rem, 2vw, 2.4rem) 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0; letter-spacing: -.02em; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .8rem; letter-spacing: -.01em; }
h3 { font-size: .95rem; margin: 1.4rem 0 .5rem; }
p, li { max-width: 68rem; overflow-wrap: anywhere; }
.sub, .note, figcaption { color: var(--muted); font-size: .875rem; }
.sub { margin: .2rem 0 .8rem; }
.note { margin: .6rem 0 0; }
.verdict { background: var(--wash); border-left: 5px solid var(--accent); border-radius: 8px; padding: .8rem 1.1rem; }
.verdict.stay, .verdict.repeat { background: var(--warn-wash); border-color: var(--warn); }
.verdict.nothing { background: var(--bad-wash); border-color: var(--bad); }
.headline { font-size: 1.4rem; line-height: 1.25; font-weight: 650; margin: 0; }
.verdict ul { margin: .5rem 0 0; padding-left: 1.1rem; font-size: .9rem; }
.facts { display: grid; grid-template-columns: repeat(4, 1fr); gap: .6rem; margin: .7rem 0 0; }
@media (max-width: 62rem) { .facts { grid-template-columns: 1fr 1fr; } }
@media (max-width: 36rem) { .facts { grid-template-columns: 1fr; } }
.facts div { background: var(--card); border-radius: 8px; padding: .55rem .8rem; }
dt { color: var(--muted); font-size: .8125rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.facts dd { font-size: 1.05rem; font-weight: 650; }
.facts dd + dd { font-size: .8125rem; font-weight: 400; color: var(--muted); }
.measured { display: flex; flex-wrap: wrap; gap: .1rem 1.4rem; margin: .7rem 0 0; font-size: .875rem; }
.measured div { display: flex; gap: .4rem; }
.flags { background: var(--warn-wash); border-left: 5px solid var(--warn); border-radius: 8px; list-style: none;
  padding: .5rem 1.1rem; margin: .7rem 0; font-size: .9rem; }
.flags ul { list-style: none; margin: 0; padding: 0; }
.flags li::before { content: '\\26A0\\FE0E  '; color: var(--warn); }
summary { color: var(--warn); cursor: pointer; font-size: .9rem; }
nav { margin: .9rem 0 0; font-size: .875rem; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
a { color: var(--plain); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tools { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem .8rem; margin: 0 0 .5rem; font-size: .875rem; }
.tools button, .tools input { font: inherit; color: var(--ink); background: var(--card); padding: .25rem .7rem;
  border: 1px solid var(--edge); border-radius: 6px; min-height: 1.9rem; }
.tools span { color: var(--muted); }
table { border-collapse: collapse; width: 100%; font-size: .8125rem; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .5rem; text-align: left; border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; min-width: 3.2rem; }
td:not(.right) { min-width: 5.5rem; }
th { font-weight: 600; color: var(--muted); vertical-align: bottom; }
th[scope=row] { font-weight: 600; color: var(--ink); vertical-align: top; min-width: 7.4rem; max-width: 16rem;
  overflow-wrap: anywhere; }
td { vertical-align: top; }
thead button { all: unset; cursor: pointer; box-sizing: border-box; min-height: 1.5rem; width: 100%; }
thead button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
thead button::after { content: '\\A0\\2195'; color: var(--edge); }
[aria-sort=ascending] button::after { content: '\\A0\\2191'; color: var(--ink); }
[aria-sort=descending] button::after { content: '\\A0\\2193'; color: var(--ink); }
tbody tr:last-child > * { border-bottom: 0; }
tr > :first-child { position: sticky; left: 0; background: var(--card); z-index: 1; }
.whole { white-space: nowrap; }
td.long { min-width: 9rem; }
td.longer { min-width: 17rem; }
.right { text-align: right; overflow-wrap: normal; }
td.right { overflow-wrap: normal; }
tr.chosen > * { background: var(--wash); }
tr.chosen td:nth-child(2) { color: var(--accent); font-weight: 650; }
tr.greyed > *, tr.refused > *, tr.greyed > th[scope=row], tr.refused > th[scope=row] { color: var(--muted); }
tr.greyed td:nth-child(2) { color: var(--bad); }
tr.doubted td:nth-child(3) { color: var(--warn); font-weight: 650; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 1.2rem;
  align-items: start; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem 1.1rem; }
figure h3 { margin: 0 0 .5rem; }
figure .plot { overflow-x: auto; }
figure svg { display: block; width: 100%; min-width: 26rem; height: auto; }
figcaption { margin-top: .5rem; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: .8rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere;
  font: .875rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
@media (max-width: 40rem) { h1 { font-size: 1.45rem; } .headline { font-size: 1.2rem; }
  th[scope=row] { max-width: 8rem; } }
@media (min-width: 100rem) { table { font-size: .875rem; } th, td { padding: .4rem .7rem; } }
@media print { :root { --paper: #fff; --card: #fff; } body { font-size: 10pt; } main { padding: 0; }
  nav, .tools, thead button::after { display: none; } tr[hidden] { display: table-row; }
  details::details-content { content-visibility: visible; block-size: auto; }
  .scroll, figure .plot { overflow: visible; } figure, tr, .verdict { break-inside: avoid; }
  h2, h3 { break-after: avoid; } table { font-size: 6.5pt; } th, td { padding: .15rem .2rem; }
  td, td.long, td.longer, td:not(.right), th[scope=row] { min-width: 0; }
  figure svg { min-width: 0; } @page { size: landscape; margin: 12mm; } }
"""

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{{ page.title }} · Modelkiln report</title>
<style>{{ style }}</style>
</head>
<body>
<main>
<h1>{{ page.title }}</h1>
<p class="sub">{{ page.subtitle }}</p>
{% if page.verdicts %}<div class="verdict {{ page.grade }}" role="region" aria-label="Verdict">
{% if page.headline %}<p class="headline">{{ page.headline }}</p>
{% endif %}{% if page.facts %}<dl class="facts">{% for fact in page.facts %}<div><dt>{{ fact.title }}</dt>\
<dd>{{ kept(fact.value) }}</dd>{% if fact.note %}<dd>{{ kept(fact.note) }}</dd>{% endif %}</div>
{% endfor %}</dl>
{% endif %}{% if page.measured %}<dl class="measured">{% for fact in page.measured %}<div><dt>{{ fact.title }}</dt>\
<dd>{{ kept(fact.value) }}</dd></div>
{% endfor %}</dl>
{% endif %}{% if said %}<ul>{% for text in said[:few] %}<li>{{ text }}</li>
{% endfor %}</ul>
{% if said|length > few %}<details><summary>{{ said|length - few }} more</summary>
<ul>{% for text in said[few:] %}<li>{{ text }}</li>
{% endfor %}</ul></details>{% endif %}{% endif %}</div>
{% endif %}{% if page.flags %}<div class="flags" role="region" aria-label="Doubts">\
<ul>{% for text in page.flags[:few] %}<li>{{ text }}</li>
{% endfor %}</ul>
{% if page.flags|length > few %}<details><summary>{{ page.flags|length - few }} more</summary>
<ul>{% for text in page.flags[few:] %}<li>{{ text }}</li>
{% endfor %}</ul></details>{% endif %}</div>{% endif %}
{% if page.sections|length > 2 %}<nav aria-label="Sections">{% for section in page.sections %}\
<a href="#{{ section.anchor }}">{{ section.title }}</a>
{% endfor %}</nav>
{% endif %}{% for section in page.sections %}
<section aria-labelledby="{{ section.anchor }}">
<h2 id="{{ section.anchor }}">{{ section.title }}</h2>
{% if section.is_drawn %}<div class="charts">{% endif %}
{% for block in section.blocks %}{{ shown(block) }}{% endfor %}
{% if section.is_drawn %}</div>{% endif %}
</section>
{% endfor %}
</main>
<script>{{ script }}</script>
</body>
</html>
"""

BLOCKS = {
    'Paragraph': '<p>{{ block.text }}</p>\n',
    'Items': """<ul{% if block.warning %} class="flags"{% endif %}>
{% for text in block.texts[:most] %}<li>{{ text }}</li>
{% endfor %}</ul>
{% if block.texts|length > most %}<details><summary>{{ block.texts|length - most }} more</summary>
<ul{% if block.warning %} class="flags"{% endif %}>
{% for text in block.texts[most:] %}<li>{{ text }}</li>
{% endfor %}</ul></details>
{% endif %}""",
    'Code': '<pre><code>{% for line in block.lines %}{{ line }}\n{% endfor %}</code></pre>\n',
    'Table': """{% if titled %}<h3>{{ block.title }}</h3>
{% endif %}<div class="scroll" tabindex="0" role="region" aria-label="Table: {{ block.title }}"><table\
{% if block.lines|length > 2 %} class="data"{% endif %}>
<thead><tr>{% for column in block.columns %}<th scope="col"{% if column.right %} class="right"{% endif %}>\
{{ kept(column.title) }}</th>{% endfor %}</tr></thead>
<tbody>
{% for line in block.lines %}<tr{% if line.state %} class="{{ line.state }}"{% endif %}\
{% if line.folded %} data-folded{% endif %}>{% for cell in line.cells %}{% if loop.first %}<th scope="row">\
{{ linked(cell, block) }}</th>{% else %}<td\
{% if block.columns[loop.index0].right %} class="right"\
{% elif cell|length > 20 %} class="long{% if cell|length > 64 %} longer{% endif %}"{% endif %}>\
{{ kept(cell) }}</td>{% endif %}{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% if block.note %}<p class="note">{{ block.note }}</p>
{% endif %}""",
    'Picture': """<figure><h3>{{ block.title }}</h3><div class="plot" tabindex="0" role="region" \
aria-label="Drawing: {{ block.title }}">{{ svg }}</div>
<figcaption>{{ block.caption }}</figcaption></figure>
""",
}
