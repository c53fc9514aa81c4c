"""What OpenCV's importer reads of a Darknet net and computes otherwise."""

from __future__ import annotations

from stages.frameworks.darknet.cfg import Net
from stages.frameworks.darknet.layers import SHORT

SILENT = ('convolutional', 'connected')


def check(net: Net) -> None:
    """Raise UnsupportedError where OpenCV would answer something else than Darknet, naming the section."""
    for section in net.layers:
        if SHORT.get(section.type, section.type) in SILENT and 'activation' not in section.options:
            raise section.refused(
                'names no activation: Darknet takes the logistic one, OpenCV none; write the line out'
            )
