"""Files of known types out of published packages, as the bytes that Magika looks at. NumPy alone, no torch here.

What a file is, its ending says; endings that do not (.txt, and the .html and .rst of Sphinx, which are templates) are
left out. At most a dozen of each ending are taken, evenly from all there are, so that no type outweighs the others.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]

EACH = 12
TYPES = {
    '.cc': 'cpp', '.cls': 'latex', '.cs': 'cs', '.css': 'css', '.csv': 'csv', '.exe': 'pebin', '.gif': 'gif',
    '.h': 'cpp', '.jinja': 'jinja', '.jpg': 'jpeg', '.js': 'javascript', '.npz': 'npz', '.onnx': 'onnx', '.pdf': 'pdf',
    '.png': 'png', '.po': 'po', '.proto': 'proto', '.psm1': 'powershell', '.py': 'python', '.sty': 'latex',
    '.svg': 'svg', '.toml': 'toml', '.ttf': 'ttf', '.xml': 'xml', '.yml': 'yaml',
}  # fmt: skip
"""What an ending says, in the words of the net; the .h here are C++."""


def evaluate(folder: Path) -> Arrays:
    """Return the bytes of some 200 files, the types in turn, and which class each of them is."""
    config = json.loads((folder / 'config.min.json').read_text('utf-8'))
    taken = []
    for ending, name in TYPES.items():
        label = config['target_labels_space'].index(name)
        files = [path.read_bytes() for path in sorted(folder.rglob(f'*{ending}'))]
        known = [content for content in files if len(content.strip()) >= config['min_file_size_for_dl']]
        if not known:
            raise ValueError(f'no file that ends in {ending} has anything in it')
        chosen = np.unique(np.linspace(0, len(known) - 1, EACH).astype(int))
        taken += [(turn, label, bytes_seen(known[i], config)) for turn, i in enumerate(chosen)]
    taken.sort(key=lambda file: file[0])
    _, labels, rows = zip(*taken, strict=True)
    return {'bytes': np.stack(rows), 'labels': np.array(labels, np.int64)}


def bytes_seen(content: bytes, config: dict[str, Any]) -> np.ndarray:
    """Return a file's first and last bytes, white space at the ends left out, and padding where it has too few."""
    block, first, last = (config[key] for key in ('block_size', 'beg_size', 'end_size'))
    # A file of one block or less is stripped at both ends before it is cut.
    whole = content.strip() if len(content) <= block else None
    start = (content[:block].lstrip() if whole is None else whole)[:first]
    end = (content[-block:].rstrip() if whole is None else whole)[-last:]
    row = np.full(first + last, config['padding_token'], np.int32)
    row[: len(start)] = np.frombuffer(start, np.uint8)
    row[len(row) - len(end) :] = np.frombuffer(end, np.uint8)
    return row
