"""TorchScript, and int8 in torch itself."""

from __future__ import annotations

import pytest

from stages.errors import IntegrityError, UnsupportedError

pytestmark = pytest.mark.torch


@pytest.mark.parametrize('method', ['trace', 'script'])
@pytest.mark.parametrize('freeze', [True, False])
def test_torchscript_keeps_the_outputs_at_any_batch_size(chain, conv_net, error_of, method, freeze):
    made = chain(conv_net, ('torchscript', {'method': method, 'freeze': freeze}))

    for batch in (1, 2, 7):
        assert error_of(conv_net, made, 'torchscript', {'batch': batch}) < 1e-5


def test_torchscript_gives_the_same_bytes_elsewhere(same_twice, conv_net):
    same_twice('torchscript', conv_net)


def test_torch_alone_opens_a_stripped_archive(chain, conv_net):
    import torch

    path = chain(conv_net, ('torchscript', {})).folder / 'model.pt'

    assert torch.jit.load(path)(torch.zeros(4, 3, 16, 16)).shape == (4, 5)
    assert b'debug_pkl' not in path.read_bytes()


def test_a_size_baked_into_a_trace_is_refused(chain, tmp_path, conv_net):
    import dataclasses
    import shutil

    folder = tmp_path / 'baked'
    shutil.copytree(conv_net.folder, folder)
    net = folder / 'python/models/net.py'
    net.write_text(net.read_text().replace('.flatten(1))', '.reshape(int(image.shape[0]), 8)) * (image.numel() % 7)'))

    with pytest.raises(UnsupportedError, match='method: script'):
        chain(dataclasses.replace(conv_net, folder=folder), ('torchscript', {}))


@pytest.mark.parametrize('mode', ['dynamic', 'static'])
def test_torch_quantize_stays_close_and_loads_without_calibration(chain, conv_net, error_of, mode):
    made = chain(conv_net, ('torch-quantize', {'mode': mode}))

    assert 0 < error_of(conv_net, made, 'torch', {'batch': 5}) < 0.15


def test_a_quantized_lstm_survives_the_round_trip(chain, lstm_net, error_of):
    made = chain(lstm_net, ('torch-quantize', {}))

    assert 0 < error_of(lstm_net, made, 'torch', {'batch': 2, 'time': 11}) < 0.05


@pytest.mark.parametrize('mode', ['dynamic', 'static'])
def test_torch_quantize_then_torchscript(chain, conv_net, error_of, mode):
    made = chain(conv_net, ('torch-quantize', {'mode': mode}), ('torchscript', {}))

    assert error_of(conv_net, made, 'torchscript', {'batch': 3}) < 0.15


def test_a_quantized_lstm_becomes_torchscript(chain, lstm_net, error_of):
    made = chain(lstm_net, ('torch-quantize', {}), ('torchscript', {}))

    assert error_of(lstm_net, made, 'torchscript', {'batch': 3, 'time': 9}) < 0.05


@pytest.mark.parametrize('mode', ['dynamic', 'static'])
def test_torch_quantize_gives_the_same_bytes_elsewhere(same_twice, conv_net, mode):
    same_twice('torch-quantize', conv_net, mode=mode)


def test_a_quantized_lstm_has_the_same_bytes_elsewhere(same_twice, lstm_net):
    same_twice('torch-quantize', lstm_net)


def test_dynamic_mode_refuses_a_net_of_convolutions(chain, bare_conv_net):
    with pytest.raises(UnsupportedError, match='nothing to quantize'):
        chain(bare_conv_net, ('torch-quantize', {}))


def test_a_module_is_not_quantized_twice(chain, conv_net):
    with pytest.raises(UnsupportedError, match='quantized already'):
        chain(conv_net, ('torch-quantize', {}), ('torch-quantize', {}))


def test_a_state_of_another_module_is_noticed(chain, conv_net, tmp_path):
    import torch

    from stages.frameworks.torch import module as torch_module

    made = chain(conv_net, ('torch-quantize', {}))
    torch.save({'other': torch.zeros(1)}, made.folder / 'state.pt')

    with pytest.raises(IntegrityError, match='does not fit'):
        torch_module.load(made.folder)
