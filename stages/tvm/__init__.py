"""TVM: a model in, tuned machine code for a named target out. Used by the kinds ``tvm-tune`` and ``tvm``, and the engine."""
