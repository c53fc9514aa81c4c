"""Serve an artifact in KServe's own Python server, by the Open Inference Protocol (v2): a predictor of 40 lines.

python serve.py --model_name rnet --model_dir /mnt/models     (where KServe's storage initializer puts a release)
"""

import argparse
from typing import Any

import numpy as np
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer, model_server
from kserve.errors import InvalidInput
from kserve.utils.numpy_codec import from_np_dtype

import stages
from stages.errors import FeedError


class Artifact(Model):
    """One artifact, whichever engine runs it."""

    def __init__(self, name: str, folder: str) -> None:
        super().__init__(name)
        self.model = stages.load(folder)
        self.model.warm_up()
        self.ready = True

    async def get_input_types(self) -> list[dict[str, Any]]:
        return [self.told(port) for port in self.model.inputs]

    async def get_output_types(self) -> list[dict[str, Any]]:
        return [self.told(port) for port in self.model.outputs]

    def told(self, port: Any) -> dict[str, Any]:
        shape = [size if isinstance(size, int) else -1 for size in port.shape]
        return {'name': port.name, 'datatype': from_np_dtype(np.dtype(port.dtype)), 'shape': shape}

    async def predict(self, payload: InferRequest, headers: Any = None, response_headers: Any = None) -> InferResponse:
        try:
            answers = await self.model.run_async({given.name: given.as_numpy() for given in payload.inputs})
        except FeedError as error:  # what does not fit the contract is the caller's
            raise InvalidInput(str(error)) from error
        outputs = []
        for name, array in answers.items():
            output = InferOutput(name, list(array.shape), from_np_dtype(array.dtype))
            output.set_data_from_numpy(array, binary_data=False)
            outputs.append(output)
        return InferResponse(payload.id or '', self.name, outputs, self.model.manifest.digest)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(parents=[model_server.parser])
    parser.add_argument('--model_dir', default='/mnt/models')
    asked = parser.parse_args()
    ModelServer().start([Artifact(asked.model_name, asked.model_dir)])
