"""
The ``exported`` format: one archive of torch.export, ``model.pt2``, that holds a graph and plain tensors.

torch itself would run code that such a file holds: it unpickles parts of it (and, when a careful attempt fails, tries
again without care), looks operators up by any dotted name, and evaluates text as expressions. So a file is not loaded
but read as a zip of JSON and bytes, checked word by word, and written anew from what was checked; torch loads that one.
What a machine leaves in it (stack traces, example inputs, guards as Python text) is dropped on the way.
"""

from __future__ import annotations

import json
import math
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.errors import StepError
from stages.frameworks.torch import allowed, exported_spec

if TYPE_CHECKING:
    import torch

JSON_BYTES = 512 * 1024 * 1024  # the most that is parsed
EXAMPLE = 1 << 30  # numbers in one example of an input
GRAPH, EXAMPLES = 'models/model.json', 'data/sample_inputs/model.pt'
CONFIGS = {
    'data/weights/': 'data/weights/model_weights_config.json',
    'data/constants/': 'data/constants/model_constants_config.json',
}
TENSOR = re.compile(r'(weight|tensor)_\d+')
NAME = re.compile(r'[\w.+:-]*')  # of a value, a parameter, a device; too poor an alphabet for code
OBJECTS = {'as_custom_obj', 'custom_obj'}
OPERATOR = re.compile(
    r'torch\.ops\.(aten|prims|quantized_decomposed)\.(_?[A-Za-z]\w*|__(and|or|xor|lshift|rshift)__)'
    r'(\.[A-Za-z]\w*)?'
    r'|torch\.ops\.higher_order\.(cond|while_loop|scan|map_impl|wrap_with_set_grad_enabled|wrap_with_autocast)'
    r'|_operator\.(getitem|add|sub|mul|truediv|floordiv|mod|pow|neg|eq|ne|lt|le|gt|ge|and_|or_|not_)'
    r'|torch\._?sym_[a-z]\w*|math\.[a-z]\w*'
)
# sizes are text that SymPy evaluates: its constructors, its assumptions and the names of symbols, and no word beside
EXPRESSION = re.compile(r"[\w\s+\-*/%(),<>=!&|~.']*", re.ASCII)
WORDS = re.compile(
    r'[a-z]+\d+|e\d*|Symbol|Integer|Float|Rational|Add|Mul|Pow|True|False|true|false|oo|int_oo|Max|Min|Abs|Not|And|Or'
    r'|Equality|Unequality|Eq|Ne|Lt|Le|Gt|Ge|(Strict)?(Greater|Less)Than|floor|ceiling|positive|negative|nonnegative'
    r'|integer|real|finite|precision|evaluate|FloorDiv|ModularIndexing|Where|(Python)?Mod|CleanDiv|CeilDiv|[LR]Shift'
    r'|(Ceil|Floor|Trunc|Round)ToInt|TruncToFloat|RoundDecimal|ToFloat|PowByNatural|FloatPow|(Float|Int)TrueDiv|Identity'
    r'|IsNonOverlappingAndDenseIndicator'
)


def load(path: Path) -> Any:
    """Return the program in ``path``, which ``write_clean`` wrote, with example inputs of zeros."""
    import torch

    program = torch.export.load(path)
    values = {node.name: node.meta['val'] for node in program.graph.nodes if node.op == 'placeholder'}
    program.example_inputs = (tuple(_zeros(values.get(given, given)) for given in user_inputs(program)), {})
    return program


def user_inputs(program: Any) -> list[Any]:
    """Return what a caller gives, in order: names of tensors in the graph, or the constant that the export had."""
    from torch.export.graph_signature import ConstantArgument, InputKind

    specs = [spec for spec in program.graph_signature.input_specs if spec.kind == InputKind.USER_INPUT]
    return [spec.arg.value if isinstance(spec.arg, ConstantArgument) else spec.arg.name for spec in specs]


def counted(program: Any) -> dict[str, int]:
    """Return how many nodes of each operator ``program`` has, those of branches and loops too; most frequent first."""
    import torch

    graphs = [m for m in program.graph_module.modules() if isinstance(m, torch.fx.GraphModule)]
    calls = (str(n.target) for graph in graphs for n in graph.graph.nodes if n.op == 'call_function')
    return dict(Counter(calls).most_common())


def _zeros(value: Any) -> Any:
    import torch

    if not isinstance(value, torch.Tensor):
        return value
    sizes = [d if isinstance(d, int) else d.node.hint for d in value.shape]
    if (count := math.prod(sizes)) > EXAMPLE:
        _refuse(f'an input of {count:,} numbers', f'an export for inputs of at most {EXAMPLE:,}')
    return torch.zeros(sizes, dtype=value.dtype)


def program_of(module: torch.nn.Module, contract: Contract, example: tuple[Any, ...], dynamic: bool) -> Any:
    """Return the exported program of ``module``, which takes tensors in the contract's order.

    ``dynamic`` keeps every dimension that ``contract`` names, within the bounds that the module turns out to have.
    """
    import torch

    # one object per name: inputs that share a name share a size
    free = sorted({d for port in contract.inputs for d in port.shape if isinstance(d, str)})
    bounds: dict[str, dict[str, int]] = {}
    while True:
        named: dict[str, Any] = {name: torch.export.Dim(name, **bounds.get(name, {})) for name in free}
        shapes = tuple({i: named[d] for i, d in enumerate(p.shape) if isinstance(d, str)} for p in contract.inputs)
        try:
            return torch.export.export(module, example, dynamic_shapes=shapes if dynamic else None)
        except torch._dynamo.exc.UserError as error:
            found = bounds | _bounds(str(error))
            if found == bounds or not found.keys() <= set(free):
                raise
            bounds = found


def _bounds(said: str) -> dict[str, dict[str, int]]:
    """Return the bounds that torch found dimensions to have, like the places that a model has for words.

    None where it also wants a dimension to be a number, or another one: that would be no longer what was asked for.
    """
    fixes = [line.strip() for line in said.partition('Suggested fixes:')[2].splitlines() if ' = ' in line]
    found = {}
    for fix in fixes:
        match = re.fullmatch(r"(\w+) = Dim\('\w+'((?:, (?:min|max)=\d+)+)\)", fix)
        if match is None:
            return {}
        found[match[1]] = {side: int(size) for side, size in re.findall(r'(min|max)=(\d+)', match[2])}
    return found


def write_clean(source: Path, target: Path) -> None:
    """
    Write to ``target`` what ``source`` says in numbers, names and known operators, and nothing else.

    Equal programs give equal bytes, wherever they were exported. Refuses, with StepError, a file that holds pickles,
    objects, compiled code, unknown operators or text that is no name.
    """
    import torch

    try:
        kept = _kept(_records(source))
    except (LookupError, ValueError, AttributeError, TypeError, RecursionError, zipfile.BadZipFile) as error:
        msg = (
            f'{source.name}: is no archive of torch.export ({type(error).__name__}: {error})\n'
            'expected a .pt2 file of torch.export.save; a pickle (torch.save) would run code and is never read\n'
            "what to try: a recipe's torch source: the Python that builds the module, and its weights as .safetensors"
        )
        raise StepError(msg) from error
    writer: Any = torch._C.PyTorchFileWriter(str(target))
    for name in sorted(kept):
        writer.write_record(name, kept[name], len(kept[name]))
    writer.write_end_of_file()


def _records(source: Path) -> dict[str, bytes]:
    """Return the records by name; all lie below one folder, which is named after the file and says nothing."""
    with zipfile.ZipFile(source) as archive:
        members = archive.infolist()
        if sum(m.file_size for m in members) > source.stat().st_size:
            msg = 'compressed, which torch never does'
            raise ValueError(msg)
        return {m.filename.partition('/')[2]: archive.read(m) for m in members}


def _kept(records: dict[str, bytes]) -> dict[str, bytes]:
    if any(name.startswith('data/aotinductor/') for name in records):
        _refuse('compiled code', 'the .pt2 of torch.export.save; this project compiles it (aoti)')
    program = _json(records[GRAPH])
    # guards are Python text; the program checks its inputs by their shapes all the same
    program['guards_code'] = []
    # what became of inner modules is of use to a debugger only
    calls = program['graph_module']['module_call_graph']
    program['graph_module']['module_call_graph'] = [call for call in calls if call['fqn'] == '']
    exported_spec.flatten(program['graph_module'])
    kept = {GRAPH: json.dumps(_checked(program)).encode(), EXAMPLES: b''}
    for folder, config in CONFIGS.items():
        tensors = _checked(_json(records[config]))
        for name, about in tensors['config'].items():
            if about['use_pickle'] or not TENSOR.fullmatch(about['path_name']):
                _refuse(f'{name} as a Python object, whose loading runs code', 'an export of plain tensors only')
            kept[folder + about['path_name']] = records[folder + about['path_name']]
        kept[config] = json.dumps(tensors).encode()
    return kept | {name: records[name] for name in ('archive_format', 'archive_version')}


def _json(record: bytes) -> Any:
    if len(record) > JSON_BYTES:
        msg = f'a description of more than {JSON_BYTES:,} bytes'
        raise ValueError(msg)
    return json.loads(record)


def _checked(value: Any, key: str = '') -> Any:
    """Return ``value`` without the metadata of its nodes, every text in it checked for what ``key`` allows."""
    if isinstance(value, dict):
        if 'target' in value:
            value = value | {'metadata': {}}  # stack traces
        return {_text(k, 'name'): _checked(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_checked(v, key) for v in value]
    return _text(value, key) if isinstance(value, str) else value


def _text(text: str, key: str) -> str:
    if key in ('in_spec', 'out_spec'):
        exported_spec.leaves(text)  # of our own making
    elif key in ('target', 'as_operator'):
        if not OPERATOR.fullmatch(text) or not _computes(text):
            _refuse(f'the operator {text[:80]!r}', 'an export without operators of other packages')
    elif key == 'expr_str':
        words = re.findall(r'[A-Za-z_]\w*', text)
        if not EXPRESSION.fullmatch(text) or not all(WORDS.fullmatch(word) for word in words):
            _refuse(f'the size {text[:80]!r}', 'an export whose sizes are sums and products')
    elif key != 'as_string' and (text in OBJECTS or not NAME.fullmatch(text)):  # a string is never code
        _refuse(f'{text[:80]!r}', 'an export of plain tensors and names')
    return text


def _computes(text: str) -> bool:
    """Say whether ``torch.ops.NAMESPACE.NAME.OVERLOAD`` is allowed; what is no operator of torch is arithmetic."""
    parts = text.removeprefix('torch.ops.').split('.')
    if not text.startswith(('torch.ops.aten.', 'torch.ops.prims.')):
        return True
    overload = f'.{parts[2]}' if parts[2:] not in ([], ['default']) else ''
    return f'{parts[0]}::{parts[1]}{overload}' in allowed.overloads()


def _refuse(what: str, advice: str) -> None:
    msg = f'the exported program holds {what}; such a file is not loaded\nwhat to try: {advice}'
    raise StepError(msg)
