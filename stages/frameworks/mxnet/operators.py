"""Operators of MXNet that compute and do nothing else. ``Custom`` and its like, which run code, are not among them."""

from __future__ import annotations

from typing import Final

HEADS: Final = frozenset({'SoftmaxOutput', 'Softmax'})
"""What classifiers are trained with: Softmax, once the label is gone."""

LOSSES: Final = frozenset({
    'MakeLoss', 'make_loss', 'CTCLoss', 'ctc_loss', '_contrib_CTCLoss', '_contrib_ctc_loss', 'WarpCTC',
    'SVMOutput', 'LinearRegressionOutput', 'LogisticRegressionOutput', 'MAERegressionOutput',
    'IdentityAttachKLSparseReg', 'BlockGrad',
})  # fmt: skip

_LAYERS: Final = (
    'Activation', 'BatchNorm', 'BatchNorm_v1', 'Concat', 'Convolution', 'Convolution_v1', 'Crop',
    'Deconvolution', 'Dropout', 'ElementWiseSum', 'Embedding', 'Flatten', 'FullyConnected', 'GroupNorm',
    'InstanceNorm', 'L2Normalization', 'LRN', 'LayerNorm', 'LeakyReLU', 'Pad', 'Pooling', 'Pooling_v1', 'RNN',
    'Reshape', 'SequenceLast', 'SequenceMask', 'SequenceReverse', 'SliceChannel', 'SoftmaxActivation',
    'SwapAxis', 'UpSampling', 'add_n', 'concat', 'flatten', 'broadcast_like', 'log_softmax', 'softmax',
    'softmin', 'softsign', 'hard_sigmoid', 'relu', 'sigmoid', 'tanh', 'split_v2', '_split_v2', 'pad', 'slice',
    'slice_axis', 'slice_like', 'split', 'squeeze', 'stack', 'swapaxes', 'take', 'tile', 'topk', 'transpose',
    'reshape', 'reshape_like', 'reverse', 'repeat', 'pick', 'where', 'one_hot', 'gather_nd', 'expand_dims',
    'depth_to_space', 'space_to_depth', 'shape_array', 'size_array', 'batch_dot', 'dot', 'Cast', 'cast', 'clip',
    'sort', 'argsort', 'argmax', 'argmin', 'argmax_channel', 'identity', '_copy', 'ROIPooling',
    '_contrib_AdaptiveAvgPooling2D', '_contrib_BilinearResize2D', '_contrib_div_sqrt_dim', '_contrib_box_nms',
    '_contrib_MultiBoxPrior', '_contrib_MultiBoxDetection', '_contrib_ROIAlign', '_contrib_arange_like',
    '_arange', '_zeros', '_ones', '_full', '_linalg_gemm2', 'zeros_like', 'ones_like', 'BilinearSampler',
    'GridGenerator', 'SpatialTransformer',
)  # fmt: skip
_SINGLE: Final = (
    'abs', 'arccos', 'arccosh', 'arcsin', 'arcsinh', 'arctan', 'arctanh', 'cbrt', 'ceil', 'cos', 'cosh',
    'degrees', 'erf', 'exp', 'expm1', 'fix', 'floor', 'gamma', 'gammaln', 'log', 'log10', 'log1p', 'log2',
    'logical_not', 'negative', 'radians', 'rcbrt', 'reciprocal', 'rint', 'round', 'rsqrt', 'sign', 'sin',
    'sinh', 'smooth_l1', 'sqrt', 'square', 'tan', 'trunc',
)  # fmt: skip
_REDUCED: Final = (
    'max', 'max_axis', 'mean', 'min', 'min_axis', 'nansum', 'norm', 'prod', 'sum', 'sum_axis', 'broadcast_axis',
    'broadcast_to',
)  # fmt: skip
_PAIRS: Final = (
    'add', 'sub', 'mul', 'div', 'mod', 'power', 'maximum', 'minimum', 'equal', 'not_equal', 'greater',
    'greater_equal', 'lesser', 'lesser_equal', 'logical_and', 'logical_or', 'logical_xor', 'hypot', 'plus',
    'minus',
)  # fmt: skip
_SCALARS: Final = (
    'plus', 'minus', 'rminus', 'mul', 'div', 'rdiv', 'mod', 'rmod', 'power', 'rpower', 'maximum', 'minimum',
    'equal', 'not_equal', 'greater', 'greater_equal', 'lesser', 'lesser_equal', 'hypot',
)  # fmt: skip

OPERATORS: Final = frozenset(
    {
        *_LAYERS,
        *_SINGLE,
        *_REDUCED,
        *(f'broadcast_{word}' for word in _PAIRS),
        *(f'elemwise_{word}' for word in ('add', 'sub', 'mul', 'div')),
        *(f'_{word}' for word in _PAIRS),
        *(f'_{word}' for word in ('Plus', 'Minus', 'Mul', 'Div', 'Power', 'Maximum', 'Minimum')),
        *(f'_{word}_scalar' for word in _SCALARS),
        *(
            f'_{word}Scalar'
            for word in ('Plus', 'Minus', 'RMinus', 'Mul', 'Div', 'RDiv', 'Power', 'Maximum', 'Minimum')
        ),
    }
)  # fmt: skip
