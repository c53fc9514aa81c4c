"""A Core ML package as it is on disk: a folder with a manifest."""

from __future__ import annotations

import json
from pathlib import Path


def without_numbers_of_chance(package: Path) -> None:
    """Write the manifest anew with names in place of random numbers, and its folders in one order."""
    path = package / 'Manifest.json'
    told = json.loads(path.read_text('utf-8'))
    entries = {str(each['path']): each for each in told['itemInfoEntries'].values()}
    names = {place: f'00000000-0000-0000-0000-{number:012d}' for number, place in enumerate(sorted(entries))}
    root = str(told['itemInfoEntries'][told['rootModelIdentifier']]['path'])
    told['itemInfoEntries'] = {names[place]: entries[place] for place in sorted(entries)}
    told['rootModelIdentifier'] = names[root]
    path.write_text(json.dumps(told, indent=4, sort_keys=True), encoding='utf-8')
    (package / 'executorch_debug_handle_mapping.json').unlink(missing_ok=True)  # of another tool's debugger
