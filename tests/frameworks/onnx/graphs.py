"""Small ONNX graphs with graphs inside, made from a seed, and two independent ways to run them."""

from __future__ import annotations

from typing import Any

WIDTH = 3


def made(text: str) -> Any:
    """Return the model that ``text`` spells, sound in full."""
    from onnx import checker, parser

    model = parser.parse_model(text)
    checker.check_model(model, full_check=True)
    return model


def ran(model: Any, feed: dict[str, Any]) -> list[Any]:
    """Return the outputs in order, of ONNX Runtime as the graph stands."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=['CPUExecutionProvider'])
    return list(session.run(None, feed))


def referred(model: Any, feed: dict[str, Any]) -> list[Any]:
    """Return the outputs in order, as ONNX's own reference computes them."""
    from onnx.reference import ReferenceEvaluator

    return list(ReferenceEvaluator(model).run(None, feed))


def feed(seed: int) -> dict[str, Any]:
    """Return inputs for ``nested``."""
    import numpy as np

    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2, WIDTH)).astype(np.float32)
    return {'x': x, 'turns': np.array(seed % 4, np.int64), 'go': np.array(seed % 2 == 0)}


def nested(seed: int, depth: int = 2, ir: int = 8) -> Any:
    """
    Return a graph of ``x``, ``turns`` and ``go`` with branches, loops and linear layers to ``depth`` graphs deep.

    Every graph takes values and weights of those around it; weights are shared, are Constants of every form, or are
    outputs; an input is an output, and one value is two.
    """
    import numpy as np
    from onnx import TensorProto, checker, helper, numpy_helper

    rng = np.random.default_rng(seed)
    count = iter(range(10_000))
    weights = [
        numpy_helper.from_array(rng.standard_normal((WIDTH, WIDTH)).astype(np.float32), f'w{i}') for i in range(3)
    ]
    weights += [numpy_helper.from_array(rng.standard_normal(WIDTH).astype(np.float32), f'b{i}') for i in range(2)]
    shape = ['n', WIDTH]

    def value(name: str, dims: Any = shape, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, dims)

    def new(word: str) -> str:
        return f'{word}_{next(count)}'

    def body(seen: list[str], deep: int, steps: int) -> tuple[list[Any], list[str]]:
        """Nodes that go on from ``seen``, and what can be seen after them."""
        nodes, seen = [], list(seen)
        for _ in range(steps):
            at, out = str(rng.choice(seen)), new('v')
            which = rng.choice(['gemm', 'matmul', 'constant', 'floats', 'if', 'loop'] if deep else ['gemm', 'constant'])
            if which == 'gemm':
                over = int(rng.integers(2))
                inputs = [at, f'w{rng.integers(3)}', *[f'b{rng.integers(2)}'] * int(rng.integers(2))]
                nodes.append(helper.make_node('Gemm', inputs, [out], transB=over))
            elif which == 'matmul':
                nodes.append(helper.make_node('MatMul', [at, f'w{rng.integers(3)}'], [out]))
            elif which in ('constant', 'floats'):
                held = new('c')
                numbers = rng.standard_normal(WIDTH).astype(np.float32)
                said = {'value_floats': numbers.tolist()} if which == 'floats' else {}
                nodes.append(
                    helper.make_node('Constant', [], [held], **(said or {'value': numpy_helper.from_array(numbers)}))
                )
                nodes.append(helper.make_node('Add', [at, held], [out]))
            elif which == 'if':
                branches = {}
                for word in ('then_branch', 'else_branch'):
                    inner, found = body(seen, deep - 1, 2)
                    result = found[-1]
                    branches[word] = helper.make_graph(inner, new(word), [], [value(result)])
                nodes.append(helper.make_node('If', ['go'], [out], **branches))
            else:
                turn, on, held, still = new('turn'), new('on'), new('held'), new('still')
                inner, found = body([*seen, held], deep - 1, 2)
                nodes.append(
                    helper.make_node(
                        'Loop',
                        ['turns', 'go', at],
                        [out],
                        body=helper.make_graph(
                            [*inner, helper.make_node('Identity', [on], [still])],
                            new('body'),
                            [value(turn, [], TensorProto.INT64), value(on, [], TensorProto.BOOL), value(held)],
                            [value(still, [], TensorProto.BOOL), value(found[-1])],
                        ),
                    )
                )
            seen.append(out)
        return nodes, seen

    nodes, seen = body(['x'], depth, 5)
    inputs = [value('x'), value('turns', [], TensorProto.INT64), value('go', [], TensorProto.BOOL)]
    outputs = [value(seen[-1]), value(seen[-1]), value('x'), value('w1', [WIDTH, WIDTH]), value(seen[-2])]
    if ir < 4:
        inputs += [value(w.name, list(w.dims)) for w in weights]
    graph = helper.make_graph(nodes, 'nested', inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=ir)
    checker.check_model(model, full_check=True)
    return model
