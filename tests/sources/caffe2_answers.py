"""Write caffe2_answers.npz: small nets, and what Caffe2 itself answers. For CPython 3.8, with torch==1.8.1.

    pip install --no-deps torch==1.8.1 'numpy<1.24' 'protobuf<4' typing_extensions future six
    python tests/sources/caffe2_answers.py

Nothing of ours is imported: what is stored here is not our reading of anything.
"""

from pathlib import Path

import numpy as np
from caffe2.proto import caffe2_pb2
from caffe2.python import core, workspace

RANDOM = np.random.RandomState(0)
PICTURE = ('data', (2, 4, 6, 7))


def seeded(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def op(kind, inputs, outputs, **arguments):
    return core.CreateOperator(kind, inputs.split(), outputs.split(), **arguments)


CONV = {'w': seeded(6, 4, 3, 3), 'b': seeded(6)}
NORM = {'s': seeded(4), 'b': seeded(4), 'm': seeded(4), 'v': abs(seeded(4)) + 0.5}
FOUR = {'c': seeded(4)}
CASES = {
    'Conv': (CONV, [op('Conv', 'data w b', 'y', kernel=3, pad=1, stride=2, order='NCHW')]),
    'Conv sides': (CONV, [op('Conv', 'data w', 'y', kernel_h=3, kernel_w=3, pad_t=1, pad_l=0, pad_b=0, pad_r=2)]),
    'Conv lists': ({'w': seeded(4, 2, 3, 3)},
                   [op('Conv', 'data w', 'y', kernels=[3, 3], pads=[1, 2, 1, 0], group=2, strides=[1, 2])]),
    'ConvTranspose': ({'w': seeded(4, 5, 3, 3), 'b': seeded(5)},
                      [op('ConvTranspose', 'data w b', 'y', kernel=3, stride=2, pad=1, adj=1)]),
    'MaxPool': ({}, [op('MaxPool', 'data', 'y', kernel=3, stride=2, pad=1)]),
    'AveragePool': ({}, [op('AveragePool', 'data', 'y', kernel=3, stride=2, pad=1)]),
    'AveragePool all': ({}, [op('AveragePool', 'data', 'y', global_pooling=1)]),
    'FC': ({'w': seeded(3, 168), 'b': seeded(3)}, [op('FC', 'data w b', 'y')]),
    'FCTransposed': ({'w': seeded(168, 3), 'b': seeded(3)}, [op('FCTransposed', 'data w b', 'y')]),
    'SpatialBN': (NORM, [op('SpatialBN', 'data s b m v', 'y', is_test=1, epsilon=1e-3, order='NCHW')]),
    'InstanceNorm': (NORM, [op('InstanceNorm', 'data s b', 'y', epsilon=1e-3)]),
    'LRN': ({}, [op('LRN', 'data', 'y', size=3, alpha=0.5, beta=0.75, bias=2.0)]),
    'Softmax': ({}, [op('Softmax', 'data', 'y')]),
    'Softmax flat': ({}, [op('Reshape', 'data', 'f old', shape=[0, -1]),
                                                              op('Softmax', 'f', 'y')]),
    **{kind: ({}, [op(kind, 'data', 'y')]) for kind in
       ('Relu', 'Sigmoid', 'Tanh', 'Abs', 'Exp', 'Softplus', 'Softsign', 'Negative', 'LeakyRelu', 'Elu', 'Sqr',
        'Swish')},
    'Log': ({}, [op('Exp', 'data', 'e'), op('Log', 'e', 'y')]),
    'Sqrt': ({}, [op('Abs', 'data', 'e'), op('Sqrt', 'e', 'y')]),
    'PRelu': (FOUR, [op('PRelu', 'data c', 'y')]),
    'Clip': ({}, [op('Clip', 'data', 'y', min=-0.5, max=0.7)]),
    'Pow': ({}, [op('Pow', 'data', 'y', exponent=2.0)]),
    'Add': (FOUR, [op('Add', 'data c', 'y', broadcast=1, axis=1)]),
    'Sub': ({}, [op('Tanh', 'data', 't'), op('Sub', 'data t', 'y')]),
    'Mul': (FOUR, [op('Mul', 'data c', 'y', broadcast=1, axis_str='C', order='NCHW')]),
    'Div': ({'c': seeded(7)}, [op('Div', 'data c', 'y', broadcast=1)]),
    **{kind: ({}, [op('Tanh', 'data', 't'), op(kind, 'data t', 'y')]) for kind in ('Sum', 'Max', 'Min', 'Mean')},
    'MatMul': ({'c': seeded(3, 168)}, [op('Reshape', 'data', 'f old', shape=[0, -1]),
                                       op('MatMul', 'f c', 'y', trans_b=1)]),
    'BatchMatMul': ({}, [op('BatchMatMul', 'data data', 'y', trans_b=1)]),
    'Concat': ({}, [op('Tanh', 'data', 't'), op('Concat', 'data t', 'y info', axis=1)]),
    'Split': ({}, [op('Split', 'data', 'y z', axis=1, split=[1, 3])]),
    'Split evenly': ({}, [op('Split', 'data', 'y z', axis=1)]),
    'Reshape': ({}, [op('Reshape', 'data', 'y old', shape=[0, 2, -1])]),
    'Flatten': ({}, [op('Flatten', 'data', 'y', axis=2)]),
    'Transpose': ({}, [op('Transpose', 'data', 'y', axes=[0, 2, 3, 1])]),
    'Squeeze': ({}, [op('AveragePool', 'data', 'a', global_pooling=1), op('Squeeze', 'a', 'y', dims=[2, 3])]),
    'ExpandDims': ({}, [op('ExpandDims', 'data', 'y', dims=[1])]),
    'PadImage': ({}, [op('PadImage', 'data', 'y', pads=[1, 2, 1, 0], mode='reflect')]),
    'PadImage constant': ({}, [op('PadImage', 'data', 'y', pad=1, mode='constant', value=0.5)]),
    'ResizeNearest': ({}, [op('ResizeNearest', 'data', 'y', height_scale=2.0, width_scale=1.5)]),
    'ChannelShuffle': ({}, [op('ChannelShuffle', 'data', 'y', group=2, kernel=1, order='NCHW')]),
    'ReduceMean': ({}, [op('ReduceMean', 'data', 'y', axes=[2, 3], keepdims=0)]),
    'ReduceSum': ({}, [op('ReduceSum', 'data', 'y', axes=[1], keepdims=1)]),
    'Gather': ({'i': np.array([1, 0], np.int64)}, [op('Gather', 'data i', 'y')]),
    'Cast': ({'i': np.array([1], np.int32)}, [op('Cast', 'i', 'f', to=1), op('Mul', 'data f', 'y')]),
    'Dropout': ({}, [op('Dropout', 'data', 'y mask', is_test=1)]),
    **{kind: ({}, [op(kind, 'data', 'y')]) for kind in ('Copy', 'Alias', 'StopGradient', 'EnsureCPUOutput')},
    'CopyFromCPUInput': ({}, [op('CopyFromCPUInput', 'data', 'y')]),
    'in place': ({'k': seeded(4, 4, 1, 1)}, [op('Conv', 'data k', 'y', kernel=1), op('Relu', 'y', 'y'),
                                            op('Conv', 'y k', 'x', kernel=1), op('Relu', 'x', 'y')]),
}  # fmt: skip


def filled(name, array):
    kind = {'f': 'GivenTensorFill', 'i': 'GivenTensorIntFill'}[array.dtype.kind]
    kind = 'GivenTensorInt64Fill' if array.dtype == np.int64 else kind
    return core.CreateOperator(kind, [], [name], shape=array.shape, values=array.ravel().tolist())


def main():
    data = seeded(*PICTURE[1])
    kept = {'data': data}
    for case, (weights, operators) in CASES.items():
        workspace.ResetWorkspace()
        init, predict = caffe2_pb2.NetDef(name='init'), caffe2_pb2.NetDef(name=case.replace(' ', '_'))
        init.op.extend([filled(*each) for each in weights.items()] or [filled('none', seeded(1))])
        predict.op.extend(operators)
        predict.external_input.extend(['data', *weights])
        outputs = [name for name in ('y', 'z') if any(name in each.output for each in operators)]
        predict.external_output.extend(outputs)
        workspace.FeedBlob('data', data)
        workspace.RunNetOnce(init)
        workspace.RunNetOnce(predict)
        kept[f'{case}/init'] = np.frombuffer(init.SerializeToString(), np.uint8)
        kept[f'{case}/predict'] = np.frombuffer(predict.SerializeToString(), np.uint8)
        kept.update({f'{case}/{name}': workspace.FetchBlob(name) for name in outputs})
    np.savez_compressed(Path(__file__).with_suffix('.npz'), **kept)
    print(len(CASES), 'cases')


if __name__ == '__main__':
    main()
