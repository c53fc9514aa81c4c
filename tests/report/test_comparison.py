"""The page over several recipes says what their reports say, and no more than their intervals allow."""

from __future__ import annotations

import math
from typing import Any

import pytest

from stages.recipe.setting import Setting
from stages.report.blocks import Picture
from stages.report.comparison import comparison
from stages.report.markdown import markdown
from stages.report.measured import label_of, mean_of, ranks, read_measured, read_told
from stages.report.statistics import Ratio
from stages.report.uses import advice

STEPS = [{'kind': 'onnx'}, {'kind': 'onnx-optimize'}]


def row(variant: str, ms: float, speed: float, mib: float, **more: Any) -> dict[str, Any]:
    setting = {'scenario': 'single-stream', 'threads': 1, 'batch': 1, 'sizes': [], 'isa': ''} | more.pop('setting', {})
    return {
        'variant': variant, 'engine': variant.partition('-')[0], 'precision': 'f32', 'options': {}, 'steps': STEPS,
        'setting': setting, 'latency_ns': {'mean': ms * 1e6, 'half': ms * 2e4},
        'speed': {'value': speed, 'low': speed * 0.95, 'high': speed * 1.05} if speed else None,
        'peak_memory_bytes': {'mean': mib * 2**20, 'half': 2**18}, 'added_memory_bytes': (mib - 50) * 2**20,
        'failure': None, **more,
    }  # fmt: skip


def report(model: str, *rows: dict[str, Any]) -> dict[str, Any]:
    base = row('torch', 20, 0, 300, steps=[])
    return {
        'model': f'all-{model}',
        'baseline': 'torch',
        'protocol': {'threads': [1], 'sizes': {}},
        'rows': [base, *rows],
    }


TOLD = 'openvino was told to keep to avx2'
BUSY = {'scenario': 'offline', 'threads': 2}


@pytest.fixture(scope='module')
def found() -> Any:
    int8 = {'precision': 'int8', 'compressed': {'form': 'onnx', 'speed': {'value': 2.5, 'low': 2.0, 'high': 3.0},
                                                'memory': {'value': 3.0, 'low': 2.9, 'high': 3.1}}}  # fmt: skip
    one = report(
        'net', row('onnx', 10, 2.0, 100), row('onnx-int8', 4, 5.0, 60, **int8), row('tvm', 4.05, 4.94, 90),
        row('onnx-avx2', 18, 2.0, 100, setting={'isa': 'avx2'}),
        row('openvino-avx2', 0, 0, 0, setting={'isa': 'avx2'}, latency_ns=None, untimed=TOLD),
        *(row(f'openvino-{shape}', 5 / rate, 4.0 * rate, 90, engine='openvino', setting=BUSY | {'scenario': scenario},
              options={'shape': shape, 'hint': 'latency'})
          for shape, rate in (('dynamic', 1.0), ('static', 1.25)) for scenario in ('single-stream', 'offline')),
    )  # fmt: skip
    two = report('other', row('onnx', 5, 4.0, 100), row('onnx-int8', 6, 3.33, 60))
    return (*read_measured(one, 'all-'), *read_measured(two, 'all-'))


def test_the_page_has_engines_against_models_modes_and_weaker_cpus(found: Any) -> None:
    text = markdown(comparison('all', found))

    assert '| torch ' in text and 'net' in text and 'other' in text
    assert '−60 % (−67 to −50)' in text and '−67 %' in text  # 2.5 times as fast takes 60 % less time
    assert '| −80 % |' in ' '.join(text.split())  # 10 MiB that the model adds in place of 50
    assert '1.25× (1.16–1.34)' in text  # static against dynamic: two intervals of 5 %, in squares
    assert '(1.8 ×)' in text and TOLD in text


def test_memory_is_that_of_the_whole_process_and_what_the_model_adds_to_it(found: Any) -> None:
    text = ' '.join(markdown(comparison('all', found)).split())
    whole, _, added = text.partition('## Memory')[2].partition('what one more model in it costs')

    assert '| onnx-int8 | 60.00 ± 0.25 | 60.00 ± 0.25 |' in whole
    assert '| onnx-int8 | 10.0 | 10.0 |' in whole and added


def test_uses_name_ties_and_never_what_was_measured_on_a_weaker_cpu(found: Any) -> None:
    latency, float32, _, weak, many, _ = advice(found)

    assert dict(latency.each)['net'] == 'onnx-int8 or tvm (4.00 ± 0.08 ms)'
    assert dict(float32.each)['net'].startswith('tvm (') and dict(float32.each)['other'].startswith('onnx (')
    assert weak.name == 'Weak CPU: avx2 and nothing above' and dict(weak.each)['net'].startswith('onnx (18.0')
    assert many.best == '' and dict(many.each)['net'].startswith('openvino-static (250 a second')


def test_over_all_models_the_best_is_by_the_mean_of_ratios_with_what_overlaps(found: Any) -> None:
    latency, *_ = advice(found)

    # tvm was not measured on both; onnx: sqrt(2 * 4) = 2.8, onnx-int8: sqrt(5 * 3.33) = 4.1
    assert (latency.best, latency.how) == ('onnx-int8', '4.08× (3.94–4.23) as fast as torch, over 2 models')


def test_what_somebody_had_to_write_a_kind_for_is_not_the_least_effort() -> None:
    steps = [{'kind': 'onnx'}], [{'kind': 'twin-by-hand'}]
    rows = [
        row(name, ms, 20 / ms, 100, steps=of) for name, ms, of in zip(('onnx', 'paddle'), (10, 5), steps, strict=True)
    ]
    latency, *_, effort = advice(read_measured(report('net', *rows), 'all-'))

    assert dict(latency.each)['net'].startswith('paddle') and dict(effort.each)['net'].startswith('onnx')


def test_the_first_screen_has_an_answer_for_each_use(found: Any) -> None:
    page = comparison('all', found)
    answers = {fact.title: (fact.value, fact.note) for fact in page.facts}

    assert answers['Lowest latency'][0] == 'onnx-int8' and len(answers) == 6
    assert answers['Most throughput'] == ('see each model', 'net: openvino-static (250 a second)')


def test_a_line_of_a_matrix_is_one_picture_with_a_group_for_each_scenario(found: Any) -> None:
    page = comparison('all', found)
    [modes] = [section for section in page.sections if section.anchor == 'modes-drawn']
    [picture] = [block for block in modes.blocks if isinstance(block, Picture)]

    assert 'net, one call after the other' in picture.svg and 'net, all at hand' in picture.svg
    assert 'dynamic · latency 1.0; static · latency 1.25' in picture.svg.replace('1.00', '1.0')
    assert not any(
        isinstance(block, Picture) for s in comparison('all', found, draw=False).sections for block in s.blocks
    )


def test_the_page_says_on_what_and_when_each_model_was_measured_and_what_doubts_there_are(found: Any) -> None:
    read = {'model': 'all-net', 'flags': ['stolen time was 3 %'],
            'screen': {'measured': [['CPU', 'a CPU', ''], ['measured', 'noon', ''], ['fed', 'x', '']]}}  # fmt: skip
    page = comparison('all', found, [read_told(read, 'all-')])

    assert [(fact.title, fact.value) for fact in page.measured] == [('CPU', 'a CPU'), ('net: measured', 'noon')]
    assert 'net: stolen time was 3 %' in markdown(page)


def test_a_ranking_is_of_what_was_measured_on_all_models_and_gives_a_range_of_places(found: Any) -> None:
    text = markdown(comparison('all', found))
    ranking = text[text.index('## Ranking') : text.index('## Latency')]

    assert ranking.index('onnx-int8') < ranking.index('torch') and 'tvm' not in ranking
    assert ranks({'a': Ratio(2.0, 1.9, 2.1), 'b': Ratio(1.95, 1.85, 2.05), 'c': Ratio(1.0, 0.9, 1.1)}) == {
        'a': (1, 2), 'b': (1, 2), 'c': (3, 3),
    }  # fmt: skip


def test_the_mean_over_models_is_geometric_and_its_interval_shrinks_with_their_number() -> None:
    one = Ratio(4.0, 4.0 / 1.2, 4.0 * 1.2)
    both = mean_of([one, Ratio(1.0, 1 / 1.2, 1.2)])

    assert both.value == pytest.approx(2.0)
    assert both.high == pytest.approx(2.0 * math.exp(math.log(1.2) / math.sqrt(2)))


def test_a_label_is_the_variant_without_its_length_and_instruction_set() -> None:
    assert label_of('openvino-int8-384', Setting(sizes=(('length', 384),))) == 'openvino-int8'
    assert label_of('onnx-int8-avx2', Setting(isa='avx2')) == 'onnx-int8'
    assert label_of('resnet-18', Setting()) == 'resnet-18'
