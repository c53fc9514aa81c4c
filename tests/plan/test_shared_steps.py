"""Equal steps are one step: of several variants, of several recipes."""

from __future__ import annotations

import pytest

from tests.plan.conftest import RECIPE, ids, with_variants


def test_variants_share_the_steps_they_begin_with(plan):
    made = plan(with_variants(onnx='[onnx]', int8='[onnx, onnx-quantize]', openvino='[onnx, openvino]'))

    onnx, int8, openvino = (ids(made, name) for name in ('onnx', 'int8', 'openvino'))

    assert onnx == int8[:2] == openvino[:2]
    assert len({*onnx, *int8, *openvino}) == 4  # source, onnx, onnx-quantize, openvino
    assert sum(step.kind == 'onnx' for step in made.steps.values()) == 1


def test_recipes_share_the_steps_that_are_equal(plan):
    one = plan(RECIPE)

    two = plan(RECIPE, RECIPE.replace('model: net', 'model: another'))

    assert set(two.steps) == set(one.steps)
    assert ids(two, 'onnx', 'net') == ids(two, 'onnx', 'another')


def test_a_step_knows_every_variant_that_uses_it(plan):
    made = plan(with_variants(a='[onnx]', b='[onnx, onnx-quantize]'))

    assert made.users()[ids(made, 'a')[-1]] == ['net:a', 'net:b']
    assert made.users()[ids(made, 'b')[-1]] == ['net:b']


def test_a_parameter_makes_another_step_and_leaves_the_ones_before_it_shared(plan):
    made = plan(with_variants(a='[onnx, onnx-quantize: {mode: dynamic}]', b='[onnx, onnx-quantize: {mode: static}]'))

    a, b = ids(made, 'a'), ids(made, 'b')

    assert a[:2] == b[:2]
    assert a[2] != b[2]


def test_what_comes_behind_another_step_is_another_step(plan):
    made = plan(with_variants(a='[onnx, onnx-quantize]', b='[onnx: {opset: 18}, onnx-quantize]'))

    a, b = ids(made, 'a'), ids(made, 'b')

    assert a[0] == b[0]
    assert a[1] != b[1]
    assert a[2] != b[2]


def test_a_default_that_is_written_out_is_no_difference(plan):
    made = plan(with_variants(a='[onnx]', b='[onnx: {opset: 20, shape: dynamic}]', c='[{onnx: {}}]'))

    assert ids(made, 'a') == ids(made, 'b') == ids(made, 'c')


def test_every_row_of_a_matrix_is_a_variant_and_what_is_equal_in_them_is_shared(plan):
    made = plan(
        with_variants(
            **{
                '"ov-{hint}"': (
                    '{matrix: {hint: [latency, throughput]}, stages: [onnx, openvino], run: {hint: "{hint}"}}'
                ),
            }
        )
    )

    assert [build.variant.name for build in made.builds['net']] == ['torch', 'ov-latency', 'ov-throughput']
    assert ids(made, 'ov-latency') == ids(made, 'ov-throughput')  # how a model is run changes no step that makes it


def test_what_makes_the_model_does_not_hang_on_how_it_is_judged(plan):
    before = plan(RECIPE)
    after = plan(RECIPE.replace('metric: top1', 'metric: agreement') + 'check: {max_drop: 0.5}\n')

    assert ids(before, 'onnx') == ids(after, 'onnx')


def test_the_contract_of_the_model_is_part_of_its_steps(plan):
    before = ids(plan(RECIPE), 'onnx')

    wider = ids(plan(RECIPE.replace('[batch, 3, 8, 8]', '[batch, 3, 9, 9]')), 'onnx')
    renamed = ids(plan(RECIPE.replace('[logits]', '[scores]')), 'onnx')

    assert len({before[1], wider[1], renamed[1]}) == 3


def test_only_the_kinds_that_calibrate_wait_for_calibration_data(plan):
    made = plan(with_variants(a='[onnx, onnx-quantize: {mode: static}]', b='[onnx, onnx-quantize: {mode: dynamic}]'))

    assert 'calibrate' in made.steps[ids(made, 'a')[-1]].inputs
    assert 'calibrate' not in made.steps[ids(made, 'b')[-1]].inputs


def test_evaluation_data_never_reaches_a_step_that_makes_a_model(plan):
    made = plan(with_variants(a='[onnx, onnx-quantize: {mode: static}]', b='[onnx, openvino, openvino-quantize]'))
    builds = made.builds['net']
    judged = next(step for step in made.steps.values() if step.params.get('function') == 'evaluate').id

    makers = {link.step for build in builds for link in build.chain}

    assert not [made.steps[id].name for id in makers if judged in made.steps[id].inputs.values()]


def test_inputs_come_before_what_needs_them(plan):
    made = plan(with_variants(a='[onnx, openvino, openvino-quantize]', b='[torch-quantize, torchscript]'))

    seen: set[str] = set()
    for step in made.steps.values():
        assert set(step.inputs.values()) <= seen, f'{step.name} comes too early'
        seen.add(step.id)


@pytest.mark.parametrize('order', [(1, 7200), (7200, 1)])
def test_of_two_limits_of_a_shared_step_the_larger_counts_whoever_comes_first(plan, order):
    one, other = (f'{RECIPE}timeout: {seconds}\n' for seconds in order)

    made = plan(one, other.replace('model: net', 'model: another'))

    assert {step.timeout for step in made.steps.values()} == {7200}
    assert set(made.steps) == set(plan(RECIPE).steps)


def test_hosts_that_recipes_add_are_all_of_a_shared_fetch_and_part_of_no_identity(plan):
    weights = f'weights: {{url: https://example.org/w, sha256: {"a" * 64}%s}}'
    plain, one, two = (
        RECIPE.replace('models/net.py:build}', f'models/net.py:build, {weights % more}}}')
        for more in ('', ', hosts: [cdn.example.org]', ', hosts: ["b.example.org:8443", cdn.example.org]')
    )

    made = plan(one, two.replace('model: net', 'model: another'))

    [fetch] = [step for step in made.steps.values() if step.kind == 'fetch']
    assert fetch.hosts == ('cdn.example.org', 'b.example.org:8443')
    assert set(made.steps) == set(plan(plain).steps)


@pytest.mark.parametrize(
    ('asked', 'given'), [(('memory: 2 GiB', 'memory: 3 GiB'), 3 << 30), (('memory: 2 GiB', ''), 0), (('', ''), 0)]
)
def test_of_two_limits_of_memory_the_larger_counts_and_none_is_the_largest(plan, asked, given):
    one, other = (f'{RECIPE}{line}\n' for line in asked)

    made = plan(one, other.replace('model: net', 'model: another'))

    assert {step.memory for step in made.steps.values()} == {given}


def test_what_is_made_for_a_size_is_compared_with_the_source_at_that_size_and_nothing_else_is(plan):
    text = with_variants(onnx='[onnx]', **{'tvm-8': '[onnx, tvm: {sizes: {length: 8}}]', 'tvm': '[onnx, tvm]'})
    text = text.replace('[batch, 3, 8, 8]', '[batch, length]') + 'benchmark: {sizes: {length: 4}}\n'
    made = plan(text)

    def compared(variant: str) -> list[tuple[dict[str, int], dict[str, int]]]:
        build = next(build for build in made.builds['net'] if build.variant.name == variant)
        checks = [made.steps[link.check] for link in build.chain[1:]]
        return [(check.params['sizes'], made.steps[check.inputs['reference']].params['sizes']) for check in checks]

    assert compared('onnx') == [({}, {})]
    assert compared('tvm-8') == [({}, {}), ({'length': 8}, {'length': 8})]
    assert compared('tvm') == [({}, {}), ({'length': 4}, {'length': 4})]  # the recipe's: TVM takes one size


def test_where_no_size_has_a_name_the_source_is_run_once(plan):
    made = plan(with_variants(a='[onnx: {shape: static}]', b='[onnx, tvm]'))

    sources = [step for step in made.steps.values() if step.kind == 'check' and 'reference' not in step.inputs]
    assert len(sources) == 1
