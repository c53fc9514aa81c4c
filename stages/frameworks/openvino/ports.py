"""What an OpenVINO model says of its inputs and outputs, and how it gets our names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from stages.contract.port import Contract, Port
from stages.errors import StepError, UnsupportedError

TYPES: Final = frozenset(
    {'boolean', 'string', 'bf16', 'f16', 'f32', 'f64'} | {f'{s}{b}' for s in 'iu' for b in (8, 16, 32, 64)}
)
"""OpenVINO's types that are NumPy's too."""

WORDS: Final = {'string': 'str', 'bf16': 'bfloat16'}
"""Of some its own word for NumPy's type is another."""


def places(ports: Sequence[Any], names: Sequence[str], what: str) -> list[int]:
    """Return where each of ``names`` is among the model's ports; a port may bear several names.

    Raises StepError, with the names there are, for one that no port bears.
    """
    found = []
    for name in names:
        at = next((i for i, port in enumerate(ports) if name in port.get_names()), None)
        if at is None:
            has = '; '.join(', '.join(sorted(port.get_names())) or 'without a name' for port in ports)
            raise StepError(f'OpenVINO sees no {what} {name!r}; it sees {has or "none"}')
        found.append(at)
    return found


def places_in_order(ports: Sequence[Any], names: Sequence[str]) -> list[int]:
    """Return where each of ``names``, given in the order of the model's inputs, is among its ports.

    An operator that does nothing (Dropout) right behind an input takes its name away: such inputs go by their order.
    """
    found = {name: at for name in names for at, port in enumerate(ports) if name in port.get_names()}
    lost = [name for name in names if name not in found]
    free = [at for at in range(len(ports)) if at not in found.values()]
    if len(lost) != len(free):
        places(ports, names, 'input')
    found |= dict(zip(lost, free, strict=True))
    return [found[name] for name in names]


def join_twins(model: Any, names: Sequence[str]) -> None:
    """Make one parameter again of the two that an input becomes which is an output too."""
    for name in names:
        twins = [p for p in model.get_parameters() if name in {p.get_friendly_name(), *p.output(0).get_names()}]
        bearing = [p for p in twins if name in p.output(0).get_names()]
        if len(twins) == 2 and len(bearing) == 1:
            [twin] = [p for p in twins if p is not bearing[0]]
            for use in twin.output(0).get_target_inputs():
                use.replace_source_output(bearing[0].output(0))
                if use.get_node().get_type_name() == 'Result':
                    use.get_node().output(0).get_tensor().set_names({name})
            model.remove_parameter(twin)


def name_ports(model: Any, inputs: Sequence[tuple[int, str]], outputs: Sequence[tuple[int, str]]) -> None:
    """Let inputs and outputs, given by their place, bear these names alone.

    Two outputs may be one value, which then bears the names of both. An output that is an input by
    another name gets an operator of its own, which does nothing: writing the IR would keep one name of the two.
    """
    from openvino import opset13

    called = {model.inputs[at].get_node().get_friendly_name(): name for at, name in inputs}
    for at, name in outputs:
        use = model.outputs[at].get_node().input(0)
        source = use.get_source_output()
        taken = called.get(source.get_node().get_friendly_name(), name)
        if taken != name and source.get_element_type().get_type_name() != 'string':
            use.replace_source_output(opset13.convert(source, source.get_element_type()).output(0))
    wanted: list[tuple[Any, set[str]]] = []
    for at, name in inputs:
        port = model.inputs[at]
        port.get_node().set_friendly_name(name)
        _add(wanted, port, name)
    for at, name in outputs:
        _add(wanted, model.outputs[at], name)
    for port, names in wanted:
        port.get_tensor().set_names(names)
    for at, name in outputs:
        if name not in model.outputs[at].get_names():  # a result may have names of its own
            model.outputs[at].get_tensor().set_names({name})
    model.validate_nodes_and_infer_types()


def _add(wanted: list[tuple[Any, set[str]]], port: Any, name: str) -> None:
    """Add a name to the value behind ``port``: a result has the tensor of what it returns."""
    source = port.get_node().input_value(0) if port.get_node().get_type_name() == 'Result' else port
    key = (source.get_node().get_friendly_name(), source.get_index())
    for other, names in wanted:
        if (other.get_node().get_friendly_name(), other.get_index()) == key:
            names.add(name)
            return
    wanted.append((source, {name}))


def fix(model: Any, contract: Contract) -> None:
    """Fix the inputs of ``model``, whose ports bear the contract's names, to the sizes of ``contract``."""
    import openvino as ov

    at = places(model.inputs, [port.name for port in contract.inputs], 'input')
    model.reshape(
        {
            model.inputs[i]: ov.PartialShape([-1 if isinstance(d, str) else d for d in port.shape])
            for i, port in zip(at, contract.inputs, strict=True)
        }
    )


def made(model: Any, before: Contract) -> Contract:
    """Return the contract of ``model``, made of one with the contract ``before``: sizes and types are the model's.

    An input that the conversion found unused and dropped is no input any more.
    """
    has = {name for port in model.inputs for name in port.get_names()}
    kept = [port for port in before.inputs if port.name in has]
    inputs = [model.inputs[i] for i in places(model.inputs, [port.name for port in kept], 'input')]
    outputs = [model.outputs[i] for i in places(model.outputs, [port.name for port in before.outputs], 'output')]
    return replace(
        before,
        inputs=tuple(_port(own, port) for own, port in zip(inputs, kept, strict=True)),
        outputs=tuple(_port(own, port) for own, port in zip(outputs, before.outputs, strict=True)),
        state=tuple(sorted(variable.info.variable_id for variable in model.get_variables())),
    )


def _dtype(own: Any, name: str) -> str:
    """Return NumPy's word for the type of a port. OpenVINO has more types, whose bits it calls uint8 or float16."""
    import numpy as np

    kind = own.get_element_type()
    if kind.get_type_name() not in TYPES:
        msg = f'OpenVINO has {name!r} as {kind.get_type_name()}, which NumPy does not have: it would give its bits'
        raise UnsupportedError(f'{msg}\nwhat to try: export the model with a Cast to float32 or int8 there')
    return WORDS.get(kind.get_type_name()) or np.dtype(kind.to_dtype()).name


def _port(own: Any, before: Port) -> Port:
    dtype = _dtype(own, before.name)
    shape = own.get_partial_shape()
    if shape.rank.is_dynamic:
        return replace(before, file='', dtype=dtype)
    known = before.shape if len(before.shape) == len(shape) else (None,) * len(shape)
    sizes: list[int | str] = []
    for axis, (dimension, said) in enumerate(zip(shape, known, strict=True)):
        if dimension.is_static:
            sizes.append(dimension.get_length())
        else:  # an IR keeps no names of dimensions
            sizes.append(said if isinstance(said, str) else f'{before.name}_{axis}')
    dims = tuple(said if isinstance(said, str) else '' for said in known)
    return replace(before, file='', dtype=dtype, shape=tuple(sizes), dims=dims if any(dims) else before.dims)
