"""TVM: a model in, machine code for a named target out. For the kinds ``tvm-tune`` and ``tvm``, and the engine."""
