"""The page of layers says of every reader of ours what it reads and what it does not, and nothing twice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stages.frameworks.caffe import layers as caffe
from stages.frameworks.caffe2 import operators as caffe2
from stages.frameworks.coreml import layers as networks
from stages.frameworks.coreml import operators as coreml
from stages.frameworks.darknet import layers as darknet

TABLES = {
    'Caffe': (caffe.LAYERS, caffe.NOT_READ),
    'Darknet': (darknet.LAYERS, darknet.NOT_READ),
    'Caffe2': (caffe2.OPERATORS, caffe2.NOT_READ),
    'Core ML programs': (coreml.OPERATORS, coreml.NOT_READ),
    'Core ML neural networks': (networks.LAYERS, networks.NOT_READ),
}


@pytest.mark.parametrize('title', TABLES)
def test_a_layer_is_read_or_not_read_and_the_page_says_which(title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'path', [str(Path(__file__).parents[2] / 'docs'), *sys.path])
    import written

    read, left = TABLES[title]
    page = written.layers().partition(f'## {title}')[2].partition('\n## ')[0]

    assert not read.keys() & left.keys()
    assert f'{len(read)} are read' in page
    assert [word for word in (*read, *left) if f'`{word}`' not in page] == []
