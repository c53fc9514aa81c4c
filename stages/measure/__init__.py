"""Artifacts in, samples out: the benchmark protocol, the clock, memory, numeric differences and accuracy.

``protocol.run_session`` decides who is measured when, ``spawn.spawn_cycle`` starts one process per cycle,
``cycle.cycle`` is what happens in it. Nothing here computes a mean: that is the report's work.
"""
