"""What is told as a tool's refusal, and what is not: the system's faults and our own mistakes."""

from __future__ import annotations

import json

import pytest

from stages.errors import StepError, UnsupportedError
from stages.frameworks import refusal as refusals
from stages.frameworks.refusal import Refused, operator, refusal


def of_the_tool(error: Exception) -> None:
    """Raise ``error`` from code that is not ours: this file is no part of the project's rooms."""
    raise error


@pytest.mark.parametrize('error', [RuntimeError('no'), TypeError('no'), ValueError('no'), KeyError('no')], ids=repr)
def test_what_a_tool_raises_is_its_refusal(error):
    with pytest.raises(UnsupportedError) as caught, refusal('Tool', 'another'):
        of_the_tool(error)

    assert str(caught.value).startswith('Tool cannot do this') and str(caught.value).endswith('what to try: another')
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    'error',
    [
        FileNotFoundError('model.onnx'),
        OSError(28, 'No space left'),
        MemoryError(),
        ImportError('libx.so'),
        StepError('x'),
    ],
    ids=repr,
)
def test_faults_of_the_system_and_errors_of_ours_are_not(error):
    with pytest.raises(type(error)) as caught, refusal('Tool', 'another'):
        of_the_tool(error)

    assert caught.value is error and type(error) is not UnsupportedError


def test_a_mistake_in_our_own_code_is_not_the_tools_refusal():
    with pytest.raises(AttributeError), refusal('Tool', 'another'):
        refusals.raised_by_us(None)


def test_a_mistake_of_ours_inside_a_callback_of_the_tool_is_not_either():
    with pytest.raises(AttributeError), refusal('Tool', 'another'):
        json.dumps({'x': object()}, default=lambda thing: refusals.raised_by_us(thing))


def test_advice_knows_what_the_tool_said_and_of_which_operator():
    def advice(refused: Refused) -> str:
        return f'for {refused.operator}, of {len(refused.words.split())} words'

    with pytest.raises(UnsupportedError, match='try: for Shrink, of 5 words'), refusal('Tool', advice):
        of_the_tool(RuntimeError('operator Shrink is not supported'))


@pytest.mark.parametrize(
    ('words', 'name'),
    [
        ('No conversion rule found for operations: Bernoulli, com.x.Own', 'Bernoulli, com.x.Own'),
        ('OpenVINO does not support the following ONNX operations: Scan', 'Scan'),
        ('Summary: -- Conversion is failed for: Resize-19', 'Resize'),
        ("CPU plug-in doesn't support Unsqueeze operation with dynamic rank", 'Unsqueeze'),
        ('Exception during initialization: rnn/base.h:53 onnxruntime::LSTMBase::LSTMBase(const int&)', 'LSTM'),
        ('Exception during initialization: rnn/rnn.h:48 onnxruntime::RNN<T>::RNN(const int&)', 'RNN'),
        ('operator MaxUnpool: sizes differ', 'MaxUnpool'),
        ("Exporting the operator 'aten::grid_sampler_3d' to ONNX", 'aten::grid_sampler_3d'),
        ('NOT_IMPLEMENTED : Could not find an implementation for RoiAlign(22) node with name', 'RoiAlign'),
        ('In Node, ("a", QAttention, "com.microsoft", -1)', 'QAttention'),
        ('Type Error: of operator (Mod) in node (x) is invalid', 'Mod'),
        ('Fatal error: Celu2(-1) is not a registered function/op', 'Celu2'),
        ('No Op registered for Swish with domain_version of 18', 'Swish'),
        ('The following operators are not supported for frontend ONNX: Loop, Scan', 'Loop, Scan'),
        ('the operator is not supported', None),
        ('out of memory', None),
    ],
)
def test_the_operator_is_read_from_the_words(words, name):
    assert operator(words) == name
