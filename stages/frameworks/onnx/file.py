"""What is known of ONNX files, by the one name that other rooms ask for; each idea has a file of its own here."""

from __future__ import annotations

from stages.frameworks.onnx.names import name_by_position as name_by_position
from stages.frameworks.onnx.names import name_dimensions as name_dimensions
from stages.frameworks.onnx.names import name_nodes as name_nodes
from stages.frameworks.onnx.names import name_ports as name_ports
from stages.frameworks.onnx.names import rename as rename
from stages.frameworks.onnx.operators import named as named
from stages.frameworks.onnx.operators import operators as operators
from stages.frameworks.onnx.operators import operators_by_domain as operators_by_domain
from stages.frameworks.onnx.opset import at_least_opset as at_least_opset
from stages.frameworks.onnx.weights import constants_as_weights as constants_as_weights
from stages.frameworks.onnx.weights import inputs_without_weights as inputs_without_weights
from stages.frameworks.onnx.weights import real_inputs as real_inputs
from stages.frameworks.onnx.write import write_stripped as write_stripped
