"""What a model of transformers takes, as its configuration says it: text, pixels, or sound."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stages.contract.port import ANY, BATCH, Contract, Port
from stages.errors import StepError


def declared(where: str, module: Any, taken: tuple[str, ...], said: Contract) -> Contract:
    """Return what a recipe says of its inputs, with what it leaves to the configuration of ``module``.

    ``taken`` are the arguments of its forward. Raises StepError where the configuration does not tell a shape.
    """
    if said.inputs and all(port.shape != ANY and port.dtype for port in said.inputs):
        return said
    own = {port.name: port for port in _ports(where, module, taken)}
    if not said.inputs:
        return replace(said, inputs=tuple(own.values()))
    if unknown := [port.in_file for port in said.inputs if port.in_file not in own]:
        raise StepError(f'{where}: the recipe leaves the shape of {unknown[0]} open; known are {", ".join(own)}')
    whole = (
        replace(
            port,
            shape=own[port.in_file].shape if port.shape == ANY else port.shape,
            dtype=port.dtype or own[port.in_file].dtype,
        )
        for port in said.inputs
    )
    return replace(said, inputs=tuple(whole))


def _ports(where: str, module: Any, taken: tuple[str, ...]) -> tuple[Port, ...]:
    main = module.main_input_name
    made = {'input_ids': _text, 'pixel_values': _pixels, 'input_features': _frames, 'input_values': _sound}.get(main)
    found = made(module.config, taken) if made else None
    if found is None:
        raise StepError(
            f'{where}: takes {main}, of a shape that its configuration does not tell\n'
            f'write it: inputs: {{{main}: {{shape: […], dtype: float32}}}}'
        )
    return found


def _text(config: Any, taken: tuple[str, ...]) -> tuple[Port, ...]:
    names = ['input_ids', 'attention_mask']
    if getattr(config, 'type_vocab_size', 0) > 1:  # models of one kind of token have no use for it
        names.append('token_type_ids')
    return tuple(Port(name, (BATCH, 'sequence'), 'int64') for name in names if name in taken)


def _pixels(config: Any, taken: tuple[str, ...]) -> tuple[Port, ...] | None:
    channels, size = getattr(config, 'num_channels', None), getattr(config, 'image_size', None)
    sides: tuple[int | str, ...] = ('height', 'width') if size is None else ()
    if isinstance(size, int):
        sides = (size, size)
    if isinstance(size, (list, tuple)) and len(size) == 2:
        sides = (int(size[0]), int(size[1]))
    if isinstance(size, dict) and {'height', 'width'} <= size.keys():
        sides = (int(size['height']), int(size['width']))
    if not isinstance(channels, int) or not sides:
        return None
    return (Port('pixel_values', (BATCH, channels, *sides), 'float32'),)


def _frames(config: Any, taken: tuple[str, ...]) -> tuple[Port, ...] | None:
    """Spectra, channel by channel: Whisper halves the number of frames, and has a place for each that is left."""
    bins, places = getattr(config, 'num_mel_bins', None), getattr(config, 'max_source_positions', None)
    if config.model_type != 'whisper' or not isinstance(bins, int) or not isinstance(places, int):
        return None
    return (Port('input_features', (BATCH, bins, 2 * places), 'float32'),)


def _sound(config: Any, taken: tuple[str, ...]) -> tuple[Port, ...]:
    return (Port('input_values', (BATCH, 'samples'), 'float32'),)
