"""What OpenCV's importer reads of a Caffe net and computes otherwise: fields that it passes over."""

from __future__ import annotations

from stages.frameworks.caffe.net import Net


def check(net: Net) -> None:
    """Raise UnsupportedError where OpenCV would answer something else than Caffe, naming the layer."""
    for layer in net.layers:
        if layer.type == 'InnerProduct' and layer.said.message('inner_product_param').flag('transpose', False):
            raise layer.refused('OpenCV passes over its `transpose`, and cannot be the baseline')
        if layer.type == 'LRN' and layer.said.message('lrn_param').number('k', 1) != 1:
            raise layer.refused('OpenCV passes over its `k`, and cannot be the baseline')
