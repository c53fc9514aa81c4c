"""What KServe serves: an image whose ``/models`` is a Triton repository (a ModelCar), and the InferenceService.

Source: kserve.github.io, "Serving Models with OCI Images" and the Triton runtime.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from stages.deliver.export import triton
from stages.deliver.export.served import Served
from stages.errors import RecipeError

FORMATS: Final = triton.FORMATS
URI: Final = re.compile(r'(oci|s3|gs|pvc|https|hf)://\S+')


def write(served: Served, to: Path) -> list[str]:
    if not URI.fullmatch(served.uri):
        raise RecipeError(
            f'--uri is {served.uri!r}; expected where the cluster finds it: oci://host/name:tag, s3://…, pvc://…'
        )
    notes = triton.write(served, to / 'models')
    (to / 'inferenceservice.yaml').write_text(json.dumps(service(served), indent=2) + '\n', 'utf-8', newline='\n')
    if served.uri.startswith('oci://'):
        (to / 'Dockerfile').write_text('FROM busybox:1.37\nCOPY models /models\n', 'utf-8', newline='\n')
        image = served.uri.removeprefix('oci://')
        notes.insert(0, f'docker build -t {image} {to.name} && docker push {image}')
    else:
        notes.insert(0, f'put what is in models/ at {served.uri}')
    return [*notes, 'kubectl apply -f inferenceservice.yaml']


def service(served: Served) -> dict[str, Any]:
    """Return the InferenceService; JSON is YAML."""
    return {
        'apiVersion': 'serving.kserve.io/v1beta1',
        'kind': 'InferenceService',
        'metadata': {'name': served.name},
        'spec': {
            'predictor': {
                'model': {
                    'modelFormat': {'name': 'triton'},
                    'protocolVersion': 'v2',
                    'storageUri': served.uri,
                    'resources': {'requests': {'cpu': str(served.manifest.threads)}},
                }
            }
        },
    }
