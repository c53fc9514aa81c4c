from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.contract.match import matched
from stages.contract.port import ANY, Contract, Port, Quantization, contract_json, contract_of
from stages.errors import StepError


def ports(*names: str, shape: tuple[int | str, ...] = ('n', 4)) -> tuple[Port, ...]:
    return tuple(Port(name, shape, 'float32') for name in names)


def recipe(*outputs: str, inputs: tuple[Port, ...] = (), **sizes: int) -> Contract:
    return Contract(inputs, tuple(Port(name, (), '') for name in outputs), sizes=sizes)


FILE = Contract(ports('x'), ports('boxes', 'scores'))


def test_the_files_own_names_in_another_order_mean_what_they_say() -> None:
    found = matched('net.onnx', FILE, recipe('scores', 'boxes'))
    assert [(port.name, port.in_file) for port in found.outputs] == [('scores', 'scores'), ('boxes', 'boxes')]


def test_names_of_ones_own_go_by_the_files_order() -> None:
    found = matched('net.onnx', FILE, recipe('where', 'what'))
    assert [(port.name, port.in_file) for port in found.outputs] == [('where', 'boxes'), ('what', 'scores')]


def test_a_format_without_an_order_takes_only_its_own_names() -> None:
    with pytest.raises(StepError, match=r'names and no order \(boxes, scores\).*where, what'):
        matched('saved_model.pb', FILE, recipe('where', 'what'), ordered=False)


@pytest.mark.parametrize('names', [('scores', 'box'), ('boxes', 'scores', 'more'), ('scores',), ('size', 'boxes')])
def test_names_that_half_match_are_refused_with_both_lists(names: tuple[str, ...]) -> None:
    with pytest.raises(StepError, match=r'boxes, scores') as refused:
        matched('net.onnx', FILE, recipe(*names))
    assert ', '.join(names) in str(refused.value)


def test_a_single_new_name_has_one_meaning_where_the_others_stand_in_order() -> None:
    found = matched('net.onnx', FILE, recipe('boxes', 'confidence'))
    assert found.outputs[1].in_file == 'scores'


def test_a_name_said_to_be_the_files_is_one_of_the_files_also_where_there_is_a_single_input() -> None:
    declared = recipe('boxes', 'scores', inputs=(Port('picture', ('n', 4), 'float32', file='xs'),))
    with pytest.raises(StepError, match=r'picture is called xs in the file; its inputs are x; did you mean x\?'):
        matched('net.onnx', FILE, declared)


def test_a_recipe_that_leaves_them_out_gets_the_files_ports() -> None:
    found = matched('net.onnx', Contract(ports('x', shape=('batch_size', 4)), ports('y')), Contract())
    assert (found.inputs[0].shape, found.inputs[0].batch) == (('batch', 4), 0)
    assert found.outputs[0].name == 'y'


def test_free_dimensions_have_the_recipes_names_in_outputs_too() -> None:
    declared = recipe('boxes', 'scores', inputs=(Port('x', ('batch', 4), 'float32'),))
    found = matched('net.onnx', FILE, declared)
    assert found.outputs[0].shape == ('batch', 4) and found.outputs[0].batch == 0


def test_sizes_are_those_of_dimensions_that_an_input_has() -> None:
    file = Contract(ports('x', shape=('n', 'frames')), ports('y'))
    assert matched('net.onnx', file, recipe(frames=7)).sizes == {'frames': 7}
    with pytest.raises(StepError, match=r'`sizes` names frame, which no input has; they have frames, n'):
        matched('net.onnx', file, recipe(frame=7))


def test_what_the_file_fixes_stays_and_the_recipe_says_which_axis_is_the_batch() -> None:
    static = Contract(ports('x', shape=(1, 4)), ports('boxes', 'scores'))
    found = matched('net.onnx', static, recipe(inputs=(Port('x', ('batch', 4), 'float32'),)))
    assert (found.inputs[0].shape, found.inputs[0].batch, found.inputs[0].rows) == ((1, 4), 0, 1)


@pytest.mark.parametrize(
    'declared', [Port('x', ('batch', 5), 'float32'), Port('x', ('batch',), 'float32'), Port('x', ('batch', 4), 'int8')]
)
def test_a_port_that_is_another_is_refused_with_both_named(declared: Port) -> None:
    with pytest.raises(StepError, match=r'the model takes x float32 \[n, 4\]; the recipe declares x'):
        matched('net.onnx', FILE, recipe(inputs=(declared,)))


def test_a_recipe_may_name_a_port_in_the_file_and_leave_the_rest_to_it() -> None:
    asked = Contract((Port('image', ANY, '', file='x'),), (Port('what', (), '', file='scores'), Port('boxes', (), '')))
    found = matched('net.onnx', FILE, asked)
    assert (found.inputs[0].name, found.inputs[0].in_file, found.inputs[0].shape) == ('image', 'x', ('n', 4))
    assert [(port.name, port.in_file) for port in found.outputs] == [('what', 'scores'), ('boxes', 'boxes')]


def test_a_file_that_does_not_even_tell_a_rank_needs_the_recipe() -> None:
    silent = Contract(ports('x', shape=ANY), ports('y'))
    with pytest.raises(StepError, match='does not say what shape x has'):
        matched('net.onnx', silent, Contract())
    found = matched('net.onnx', silent, recipe(inputs=(Port('x', (2, 3), 'float32'),)))
    assert found.inputs[0].shape == (2, 3)


sizes = st.lists(st.integers(1, 9) | st.sampled_from(['batch', 'time', 'found_0']), max_size=4).map(tuple)
quantized = st.none() | st.builds(Quantization, st.just((0.5, 0.25)), st.just((3, -1)), st.none() | st.integers(0, 3))
some = st.builds(
    Port, st.text(min_size=1), sizes, st.sampled_from(['float32', 'uint8']), st.text(), st.none() | st.integers(0, 3),
    st.text(), quantized,
)  # fmt: skip


@given(st.builds(Contract, st.lists(some).map(tuple), st.lists(some).map(tuple)))
def test_a_contract_is_read_as_it_was_written(contract: Contract) -> None:
    assert contract_of(contract_json(contract)) == contract


def test_what_an_artifact_of_fixed_sizes_is_made_of_keeps_the_names_of_its_dimensions() -> None:
    said = recipe(inputs=(Port('x', ('batch', 'time'), 'float32'),), time=7)
    first = matched('net.onnx', Contract(ports('x', shape=(1, 7)), ports('y')), said)
    second = matched('better.onnx', Contract(ports('x', shape=(1, 7)), ports('y')), first)

    assert first.inputs[0].dims == second.inputs[0].dims == ('batch', 'time') and second.sizes == {'time': 7}
