"""Serve an artifact by the Open Inference Protocol (v2); a version that is pulled beside it takes over without a pause.

MODEL=/models/rnet uvicorn serve:app
"""

import os
import threading
import time
from typing import Any

import numpy as np
from fastapi import FastAPI, HTTPException

import stages
from stages.deliver.place import artifact_in
from stages.errors import ModelkilnError

TYPES = {'BOOL': 'bool', 'FP16': 'float16', 'FP32': 'float32', 'FP64': 'float64'}
TYPES |= {f'{kind.upper()}{bits}': f'{kind}{bits}' for kind in ('int', 'uint') for bits in (8, 16, 32, 64)}
WORDS = {name: word for word, name in TYPES.items()}
FOLDER = os.environ['MODEL']
app, serving = FastAPI(), [stages.load(FOLDER)]


def watch() -> None:
    while True:  # a version that cannot be loaded is told, and the one before goes on serving
        time.sleep(1)
        try:
            if artifact_in(FOLDER) != serving[0].folder:
                model = stages.load(FOLDER)
                model.warm_up()
                serving[0] = model  # requests under way end with the model that they began with
        except ModelkilnError as error:
            print(error)


threading.Thread(target=watch, daemon=True).start()


@app.get('/v2/health/ready')
@app.get('/v2/models/{name}')
def about(name: str = '') -> dict[str, Any]:
    said, now = {}, serving[0]
    for role, ports in (('inputs', now.inputs), ('outputs', now.outputs)):
        free = [[size if isinstance(size, int) else -1 for size in port.shape] for port in ports]
        said[role] = [
            {'name': p.name, 'datatype': WORDS[p.dtype], 'shape': s} for p, s in zip(ports, free, strict=True)
        ]
    return {'name': name, 'versions': [now.manifest.digest], 'platform': now.manifest.engine, **said}


@app.post('/v2/models/{name}/infer')
def infer(name: str, asked: dict[str, Any]) -> dict[str, Any]:
    now = serving[0]  # one for the whole request
    try:
        feed = {i['name']: np.array(i['data'], TYPES[i['datatype']]).reshape(i['shape']) for i in asked['inputs']}
        answers = now.run(feed)
    except (KeyError, TypeError, ValueError) as error:  # what does not fit the contract is a ValueError
        raise HTTPException(400, str(error)) from error
    told = [(key, a, WORDS[a.dtype.name]) for key, a in answers.items()]
    outputs = [{'name': k, 'datatype': t, 'shape': list(a.shape), 'data': a.ravel().tolist()} for k, a, t in told]
    return {'model_name': name, 'model_version': now.manifest.digest, 'outputs': outputs}
