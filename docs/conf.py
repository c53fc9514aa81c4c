"""How Sphinx makes the pages: ``python -m sphinx -W docs site``. The reference is written anew from the code."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import written  # noqa: E402

from stages import __version__  # noqa: E402

project = 'Modelkiln'
author = 'The authors of Modelkiln'
version = release = __version__
extensions = ['myst_parser', 'sphinx_copybutton']
html_theme = 'furo'
html_title = f'Modelkiln {__version__}'
exclude_patterns = ['site', 'published']
myst_heading_anchors = 3
copybutton_prompt_text = '$ '
copybutton_only_copy_prompt_lines = True

html_extra_path = ['published']  # beside the pages: schemas/NAME-VERSION.json

for name, text in written.pages().items():
    written.keep(HERE / 'reference' / f'{name}.md', text)
for name, text in written.schemas().items():
    written.keep(HERE / 'published/schemas' / name, text)
