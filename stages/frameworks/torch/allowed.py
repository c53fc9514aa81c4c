"""The operators of torch that a model from outside may call: those that compute from what they are given.

A list of what is allowed, made from the schemas that torch itself has registered: an operator that takes no text, no
stream and no storage cannot name a file, a host or a piece of memory. Those that take text all the same are named here.
"""

from __future__ import annotations

import functools
from typing import Any, Final

NAMESPACES: Final = frozenset(
    {'aten', 'prims', 'quantized', '_quantized', 'quantized_decomposed', 'onednn', 'sparse', 'mkldnn_prepacked'}
)
"""Those whose operators compute; the rest is for several machines, compilers, profilers and tests."""

_MODES: Final = """
    __interpolate __upsample _convolution_mode _linalg_eigh _linalg_svd _sparse_mm _sparse_mm_reduce_impl
    conv1d conv2d conv3d div div_ divide divide_ einsum gelu gelu_ gelu_backward index_reduce index_reduce_
    linalg_cond linalg_eigh linalg_eigvalsh linalg_lstsq linalg_matrix_norm linalg_norm linalg_qr linalg_svd
    linalg_svdvals meshgrid nanquantile pad pad_sequence quantile scatter scatter_ scatter_reduce
    scatter_reduce_ searchsorted segment_reduce stft _mixed_dtypes_linear
    fft_fft fft_fft2 fft_fftn fft_hfft fft_hfft2 fft_hfftn fft_ifft fft_ifft2 fft_ifftn fft_ihfft fft_ihfft2
    fft_ihfftn fft_irfft fft_irfft2 fft_irfftn fft_rfft fft_rfft2 fft_rfftn
"""
_SAID: Final = """
    device get_autocast_dtype is_autocast_enabled warn _assert_async _assert_scalar _functional_assert_async
    _functional_assert_scalar _linalg_check_errors
"""
_TEXT: Final = """
    Delete Float Int __contains__ __getitem__ _set_item add capitalize center count endswith eq expandtabs find
    format ge get gt hash index isalnum isalpha isdecimal isdigit isidentifier islower isnumeric isprintable
    isspace istitle isupper join le len list ljust lower lstrip lt ne ord partition percentFormat pop remove
    replace rfind rindex rjust rpartition rsplit rstrip setdefault slice split splitlines startswith strip
    swapcase title upper zfill
"""
_PACKED: Final = """
    onednn::qconv1d_pointwise onednn::qconv2d_pointwise onednn::qconv3d_pointwise onednn::qconv_pointwise
    onednn::qlinear_pointwise mkldnn_prepacked::conv2d_prepack
"""

WORDS: Final = frozenset({*(f'aten::{name}' for name in (_MODES + _SAID + _TEXT).split()), *_PACKED.split()})
"""Operators that take text which is no name of something outside: a mode, a device, a message, text to work on."""

_LANGUAGE: Final = """
    Constant If Loop GetAttr SetAttr CreateObject CallFunction CallMethod fork Closure Enter Exit
    TupleConstruct TupleUnpack TupleIndex TupleSlice ListConstruct ListUnpack DictConstruct ModuleContainerIndex
    unchecked_cast unchecked_unwrap_optional Uninitialized RaiseException Print isinstance EnumName EnumValue
    StringIndex IfThenElse ConstantChunk NumToTensor ImplicitTensorToNum
    abs min max data device dtype layout type tolist rangelist requires_grad id index itemsize name nbytes grad
    is_cpu is_cuda is_ipu is_maia is_meta is_mkldnn is_mps is_mtia is_nested is_quantized is_sparse
    is_sparse_csr is_vulkan is_xla is_xpu
"""

LANGUAGE: Final = frozenset(f'prim::{name}' for name in _LANGUAGE.split())
"""What the language itself is made of."""

BESIDE: Final = frozenset(
    'torchvision::' + name for name in ('nms', 'roi_align', 'roi_pool', 'ps_roi_align', 'ps_roi_pool', 'deform_conv2d')
) | {'profiler::_record_function_enter', 'profiler::_record_function_enter_new', 'profiler::_record_function_exit'}
"""Operators of other packages, of those that models are written with; and marks for a profiler."""

CLASSES: Final = frozenset(
    {f'quantized.{kind}PackedParamsBase' for kind in ('Linear', 'Conv2d', 'Conv3d', 'Embedding')}
    | {'rnn.CellParamsBase', 'sparse.LinearPackedParamsBase', 'profiler._RecordFunction'}
)
"""Classes written in C++ that models are made of: weights of quantized layers."""

_OUTSIDE: Final = ('str', 'Storage', 'Stream', 'RRef', 'Future')
_OF_THE_MODEL: Final = frozenset({'aten::wait'})  # for what the model itself has forked


@functools.cache
def overloads() -> frozenset[str]:
    """Return every allowed operator with its overload, as ``aten::conv2d.padding``."""
    return frozenset(overload(schema) for schema in _schemas() if _allowed(schema))


@functools.cache
def operators() -> frozenset[str]:
    """Return the names of all allowed operators, as ``aten::conv2d``."""
    return frozenset(name.partition('.')[0] for name in overloads()) | LANGUAGE | BESIDE


@functools.cache
def refused_methods() -> frozenset[str]:
    """Return the words that mean an operator which is not allowed, behind the dot of a tensor or of ``torch``."""
    known = {schema.name for schema in _schemas()} - operators()
    return frozenset(name.removeprefix('aten::') for name in known if name.startswith('aten::'))


def overload(schema: Any) -> str:
    """Return what comes before the arguments of a schema."""
    return str(schema).partition('(')[0]


def _schemas() -> Any:
    import torch

    jit: Any = torch._C  # untyped there
    return jit._jit_get_all_schemas()


def _allowed(schema: Any) -> bool:
    name: str = schema.name
    if name in LANGUAGE | BESIDE | WORDS | _OF_THE_MODEL:
        return True
    if name.partition('::')[0] not in NAMESPACES or name.startswith('aten::_test_'):
        return False
    return not any(str(argument.type).removeprefix('Optional[').startswith(_OUTSIDE) for argument in schema.arguments)
