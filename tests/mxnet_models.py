"""Make small models of MXNet, in the Python of the locked environment: ``python mxnet_models.py WHAT FOLDER``."""

import sys
from pathlib import Path

import mxnet as mx


def cnn(data, label):
    net = mx.sym.Convolution(data, name='conv', kernel=(3, 3), num_filter=4, pad=(1, 1))
    net = mx.sym.BatchNorm(net, name='norm', fix_gamma=False)
    net = mx.sym.Activation(net, name='relu', act_type='relu')
    net = mx.sym.Pooling(net, name='pool', kernel=(3, 3), stride=(2, 2), pool_type='max', pooling_convention='full')
    net = mx.sym.Flatten(net, name='flat')
    net = mx.sym.FullyConnected(net, name='fc', num_hidden=5)
    return mx.sym.SoftmaxOutput(net, label, name='softmax')


def rnn(data, label):
    net = mx.sym.transpose(mx.sym.squeeze(data, axis=1), axes=(1, 0, 2))
    parts = [mx.sym.Variable(name) for name in ('rnn_parameters', 'rnn_state', 'rnn_cell')]
    return mx.sym.RNN(net, *parts, state_size=4, num_layers=1, mode='lstm', bidirectional=True, name='both')


def main(what, folder):
    mx.random.seed(0)
    symbol = {'cnn': cnn, 'rnn': rnn}[what](mx.sym.Variable('data'), mx.sym.Variable('softmax_label'))
    shape = (2, 3, 8, 8) if what == 'cnn' else (2, 1, 6, 8)
    given = {'data': shape} | ({'softmax_label': (2,)} if what == 'cnn' else {})
    arguments, _, states = symbol.infer_shape(**given)
    named = dict(zip(symbol.list_arguments(), arguments, strict=True))
    named |= dict(zip(symbol.list_auxiliary_states(), states, strict=True))
    kept = {}
    for name, shape in named.items():
        if name not in given:
            array = mx.nd.random.normal(shape=shape)
            aux = name in symbol.list_auxiliary_states()
            kept[('aux:' if aux else 'arg:') + name] = array.abs() + 0.5 if name.endswith('var') else array
    symbol.save(str(Path(folder) / 'net-symbol.json'))
    mx.nd.save(str(Path(folder) / 'net-0000.params'), kept)


if __name__ == '__main__':
    main(*sys.argv[1:])
