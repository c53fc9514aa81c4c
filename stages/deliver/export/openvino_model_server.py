"""A model repository of OpenVINO Model Server: ``NAME/VERSION/…`` with ``mapping_config.json``, and ``config.json``.

Source: docs.openvino.ai, "Prepare a Model Repository" and "Model Server Parameters".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from stages.deliver.export.served import Served, check_format, copy_model, notes_of

FORMATS: Final[tuple[str, ...]] = ('openvino', 'onnx', 'tflite', 'paddle', 'savedmodel')
HINTS: Final = {'latency': 'LATENCY', 'throughput': 'THROUGHPUT', 'cumulative_throughput': 'CUMULATIVE_THROUGHPUT'}
MOUNT: Final = '/models'
"""Where the server's image expects them."""


def write(served: Served, to: Path) -> list[str]:
    check_format(served, 'openvino-model-server', FORMATS)
    folder = to / served.name / str(served.version)
    copy_model(served, folder)
    renamed = {
        way: {port.in_file: port.name for port in ports if port.in_file != port.name}
        for way, ports in (('inputs', served.manifest.inputs), ('outputs', served.manifest.outputs))
    }
    if any(renamed.values()):
        _write(folder / 'mapping_config.json', renamed)
    config = {'name': served.name, 'base_path': f'{MOUNT}/{served.name}', 'plugin_config': plugin_config(served)}
    _write(to / 'config.json', {'model_config_list': [{'config': config}]})
    started = f'ovms --config_path {MOUNT}/config.json, with the folder mounted at {MOUNT}'
    other = (
        []
        if served.manifest.engine == 'openvino'
        else [f'it was measured in {served.manifest.engine}, not in OpenVINO']
    )
    return [started, *other, *notes_of(served)]


def plugin_config(served: Served) -> dict[str, Any]:
    """Return what OpenVINO is told, so that what is served is what was measured."""
    options = served.manifest.options
    said: dict[str, Any] = {'INFERENCE_NUM_THREADS': served.manifest.threads}
    if served.manifest.engine == 'openvino':
        said['PERFORMANCE_HINT'] = HINTS[options.get('hint', 'latency')]
        said['INFERENCE_PRECISION_HINT'] = options.get('precision', 'f32')
        if options.get('streams'):
            said['NUM_STREAMS'] = str(options['streams'])
    return said


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2) + '\n', 'utf-8', newline='\n')
