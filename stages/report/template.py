"""The HTML of a report: a Jinja template, never filled without autoescape, with no script and nothing to load."""

from __future__ import annotations

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

STYLE = """
:root { color-scheme: light dark; --font: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif;
  --paper: #fbfaf8; --card: #ffffff; --ink: #1d2126; --muted: #626a73; --line: #e4e2dd; --accent: #0b7a55;
  --plain: #4a6fa5; --strip: #c9d3e1; --wash: #e9f5ef; --warn: #8a5a00; --warn-wash: #fdf4e0; --bad: #a4262c; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --card: #1b1f24; --ink: #e7e9ec; --muted: #9aa3ad;
  --line: #2e343b; --accent: #4cc79a; --plain: #86aee6; --strip: #3b4a5e; --wash: #17302a; --warn: #f0bf62;
  --warn-wash: #2c2414; --bad: #f08a8e; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 var(--font); }
main { max-width: 76rem; margin: 0 auto; padding: 2.2rem 1.4rem 4rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0; letter-spacing: -.02em; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .8rem; letter-spacing: -.01em; }
h3 { font-size: .95rem; margin: 1.4rem 0 .5rem; }
p, li { max-width: 62rem; overflow-wrap: anywhere; }
.sub, .note, figcaption { color: var(--muted); font-size: .875rem; }
.sub { margin: .3rem 0 1.4rem; }
.note { margin: .6rem 0 0; }
.verdict { background: var(--wash); border-left: 4px solid var(--accent); border-radius: 8px; padding: 1rem 1.2rem; }
.verdict p { margin: .35rem 0; }
.verdict p:first-child { font-size: 1.15rem; font-weight: 650; }
.flags { background: var(--warn-wash); border-left: 4px solid var(--warn); border-radius: 8px; list-style: none;
  padding: .7rem 1.2rem; margin: 1rem 0; }
.flags ul { list-style: none; margin: 0; padding: 0; }
.flags summary { color: var(--warn); cursor: pointer; }
.flags li::before { content: '\\26A0\\FE0E  '; color: var(--warn); }
nav { margin: 1.2rem 0 0; font-size: .875rem; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
a { color: var(--plain); }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.scroll:focus-visible { outline: 2px solid var(--accent); }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .6rem; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--muted); font-size: .8125rem; vertical-align: bottom; white-space: normal; }
tbody tr:last-child > * { border-bottom: 0; }
td:first-child, th:first-child { position: sticky; left: 0; background: var(--card); font-weight: 600;
  max-width: 16rem; white-space: normal; overflow-wrap: break-word; }
td.long { white-space: normal; min-width: 8rem; max-width: 28rem; overflow-wrap: break-word; }
td.longer { min-width: 17rem; overflow-wrap: anywhere; }
.right { text-align: right; }
tr.chosen td { background: var(--wash); }
tr.chosen td:nth-child(2) { color: var(--accent); font-weight: 650; }
tr.greyed td { color: var(--muted); }
tr.refused td { color: var(--muted); }
tr.greyed td:nth-child(2) { color: var(--bad); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 1.2rem; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem 1.1rem; }
figure h3 { margin: 0 0 .5rem; }
figure .plot { overflow-x: auto; }
figure svg { display: block; width: 100%; min-width: 26rem; height: auto; }
figcaption { margin-top: .5rem; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: .8rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere;
  font: .875rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
@media (max-width: 40rem) { main { padding: 1.2rem .9rem 3rem; } h1 { font-size: 1.6rem; }
  td:first-child, th:first-child { max-width: 8rem; } }
@media print { :root { --paper: #fff; --card: #fff; } body { font-size: 10pt; } main { max-width: none; padding: 0; }
  nav { display: none; } details::details-content { content-visibility: visible; block-size: auto; }
  .scroll, figure .plot { overflow: visible; } figure, tr, .verdict { break-inside: avoid; }
  h2, h3 { break-after: avoid; } table { font-size: 7.5pt; } th, td { padding: .2rem .3rem; white-space: normal; }
  figure svg { min-width: 0; } }
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
<div class="verdict">{% for text in page.verdicts %}<p>{{ text }}</p>{% endfor %}</div>
{% if page.flags %}<div class="flags"><ul>{% for text in page.flags[:few] %}<li>{{ text }}</li>{% endfor %}</ul>
{% if page.flags|length > few %}<details><summary>{{ page.flags|length - few }} more</summary>
<ul>{% for text in page.flags[few:] %}<li>{{ text }}</li>{% endfor %}</ul></details>{% endif %}</div>{% endif %}
<nav aria-label="Sections">{% for section in page.sections %}<a href="#{{ section.anchor }}">{{ section.title }}</a>
{% endfor %}</nav>
{% for section in page.sections %}
<section>
<h2 id="{{ section.anchor }}">{{ section.title }}</h2>
{% if section.anchor == 'charts' %}<div class="charts">{% endif %}
{% for block in section.blocks %}{{ shown(block) }}{% endfor %}
{% if section.anchor == 'charts' %}</div>{% endif %}
</section>
{% endfor %}
</main>
</body>
</html>
"""

BLOCKS = {
    'Paragraph': '<p>{{ block.text }}</p>\n',
    'Items': """<ul{% if block.warning %} class="flags"{% endif %}>
{% for text in block.texts %}<li>{{ text }}</li>
{% endfor %}</ul>
""",
    'Code': '<pre><code>{% for line in block.lines %}{{ line }}\n{% endfor %}</code></pre>\n',
    'Table': """{% if titled %}<h3>{{ block.title }}</h3>
{% endif %}<div class="scroll" tabindex="0" role="region" aria-label="{{ block.title }}"><table>
<thead><tr>{% for column in block.columns %}<th scope="col"{% if column.right %} class="right"{% endif %}>\
{{ column.title }}</th>{% endfor %}</tr></thead>
<tbody>
{% for line in block.lines %}<tr{% if line.state %} class="{{ line.state }}"{% endif %}>{% for cell in line.cells %}<td\
{% if block.columns[loop.index0].right %} class="right"\
{% elif cell|length > 20 %} class="long{% if cell|length > 64 %} longer{% endif %}"{% endif %}>\
{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% if block.note %}<p class="note">{{ block.note }}</p>
{% endif %}""",
    'Picture': """<figure><h3>{{ block.title }}</h3><div class="plot">{{ svg }}</div>
<figcaption>{{ block.caption }}</figcaption></figure>
""",
}
