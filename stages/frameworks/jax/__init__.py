"""What is known of JAX: models that a recipe's Python builds, their ports, and how they become ONNX."""
