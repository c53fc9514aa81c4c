"""What Caffe's layers are in ONNX: the table, by type, and what is known of the layers that are not in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stages.frameworks.caffe.layers import arithmetic, detection, normal, shape, window
from stages.frameworks.caffe.layers.entry import Entry

LAYERS: Final[Mapping[str, Entry]] = {
    **window.LAYERS,
    **arithmetic.LAYERS,
    **normal.LAYERS,
    **shape.LAYERS,
    **detection.LAYERS,
}

DATA: Final = 'gives data from files; take the .prototxt for deployment, with an Input layer'
LOSS: Final = 'is of training; take the .prototxt for deployment'
CODE: Final = 'is code from elsewhere'

NOT_READ: Final[Mapping[str, str]] = {
    **dict.fromkeys(('Data', 'ImageData', 'HDF5Data', 'MemoryData', 'WindowData', 'DummyData', 'AnnotatedData'), DATA),
    **dict.fromkeys(
        ('SoftmaxWithLoss', 'EuclideanLoss', 'HingeLoss', 'ContrastiveLoss', 'SigmoidCrossEntropyLoss', 'InfogainLoss',
         'MultinomialLogisticLoss', 'MultiBoxLoss', 'SmoothL1Loss', 'Accuracy', 'DetectionEvaluate', 'HDF5Output'),
        LOSS,
    ),
    'Python': CODE,
    **dict.fromkeys(('LSTM', 'RNN', 'Recurrent'), 'keeps state over time, its sequence on the first axis'),
    **dict.fromkeys(('ROIPooling', 'PSROIPooling', 'Proposal'), 'works on regions whose number the data decide'),
    **dict.fromkeys(('BatchReindex', 'Filter'), 'picks samples out of a batch by the data'),
    'SPP': 'pools into a pyramid of sizes',
    'Im2col': 'lays windows out as columns',
    'Parameter': 'is a weight that training moves',
    'Upsample': 'unpools by the places of SegNet’s pooling',
}  # fmt: skip
"""Documented layers of Caffe and of its SSD branch that are not read, and why."""
