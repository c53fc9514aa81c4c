"""What is known of OneFlow: modules that a recipe's Python builds, their ports, and how they become ONNX."""
