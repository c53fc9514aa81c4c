"""Samples for a recipe: what a file or folder of them is, and the lines of ``data`` that read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stages.begin.confined import Scratch
from stages.begin.model import Model
from stages.errors import RecipeError


@dataclass(frozen=True)
class Samples:
    """Samples as they were found."""

    path: Path | None = None
    roles: tuple[str, ...] = ()
    """What the recipe can do with them."""


NOTHING: Final = Samples()


def look(path: Path, model: Model, scratch: Scratch) -> Samples:
    """Return what the samples at ``path`` are. Raises RecipeError for what none of our readers reads."""
    raise RecipeError(f'{path}: none of our readers reads it')


def lines(found: Samples, staged: Path, name: str) -> Sequence[str]:
    """Return the lines of ``data``, and copy the samples below recipes/files/; comments where there are none."""
    return [
        '# Without data every variant is compared with the source on made-up inputs. With samples, accuracy is',
        '# measured too, and kinds can calibrate. An .npz holds an array for each input, samples first, and `labels`:',
        '# data:',
        f'#   calibrate: {{path: files/{name}/calibrate.npz, sha256: …}}     # modelkiln digest PATH',
        f'#   evaluate:  {{path: files/{name}/evaluate.npz, sha256: …, metric: top1}}',
    ]
