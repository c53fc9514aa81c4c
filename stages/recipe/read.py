"""YAML in, Recipe out. Opens recipes and nothing else that could run; imports no framework."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from stages import others
from stages.contract.port import ANY, Port
from stages.errors import RecipeError
from stages.recipe import asks, entries, names
from stages.recipe.around import read_around
from stages.recipe.extends import Shared, extended
from stages.recipe.fetch import Reader
from stages.recipe.mistakes import EXTENDED, Mistakes, Place, shown
from stages.recipe.model import Benchmark, Check, Choose, Recipe
from stages.recipe.regression import read_regression
from stages.recipe.roles import read_data
from stages.recipe.signature import EXAMPLE, Carried, read_carries, read_inputs, read_outputs
from stages.recipe.source import of_python, read_source
from stages.recipe.strict_yaml import Key, Node, read_file
from stages.recipe.variants import Ground, read_variants

VERSION: Final = 1
KEYS: Final = (
    'recipe', 'model', 'source', 'inputs', 'outputs', 'preprocessing', 'data', 'variants',
    'check', 'benchmark', 'choose', 'regression', 'timeout', 'memory', 'license', 'description', 'authors',
    'tags', 'extends', 'group', 'around',
)  # fmt: skip
REQUIRED: Final = ('recipe', 'model', 'source', 'variants')


def read_recipe(path: Path, root: Path, *, verify: bool = False) -> Recipe:
    """Return the recipe in ``path``; raise one RecipeError with every independent mistake.

    ``root`` is the project: the recipe names files below ``root/recipes``. ``verify`` also hashes those that it gives a
    sha256 for. Never runs or imports what a recipe names.
    """
    others.open_folder(root)
    return _read_file(path, root, Shared(), verify=verify)[0]


def _read_file(path: Path, root: Path, shared: Shared, *, verify: bool) -> tuple[Recipe, Place]:
    """Return the recipe, and where it names its model."""
    mistakes = Mistakes(path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name)
    reader = Reader(root / 'recipes', mistakes, verify=verify)
    node = extended(read_file(path, mistakes), reader, shared)
    mistakes.raise_any()  # what is not taken over would only seem to be missing
    recipe = _read(node, reader)
    mistakes.raise_any()
    assert recipe is not None, 'a recipe without mistakes is whole'
    return recipe, node.value['model']


def read_recipes(root: Path, *, verify: bool = False) -> tuple[Recipe, ...]:
    """Return the recipes of a project in the order of their files; raise all mistakes of all files at once."""
    recipes, problems = read_right(root, verify=verify)
    if problems:
        raise RecipeError(*problems)
    return recipes


def read_right(root: Path, *, verify: bool = False) -> tuple[tuple[Recipe, ...], tuple[str, ...]]:
    """Return the recipes that are right, in the order of their files, and all mistakes of the others.

    Of two recipes of one model neither is right: nobody can tell which is meant. What is wrong with a file that several
    extend is said once.
    """
    others.open_folder(root)
    recipes: list[tuple[Recipe, Place]] = []
    problems: list[str] = []
    shared = Shared()
    for path in sorted((root / 'recipes').glob('*.yaml')):
        if path.name.startswith('_'):
            continue
        try:
            recipes.append(_read_file(path, root, shared, verify=verify))
        except RecipeError as error:
            problems += error.problems
    seen: dict[str, str] = {}
    twice = set()
    for recipe, at in recipes:
        if recipe.model in seen:
            where = f'{at.file or recipe.file}:{at.line}:{at.column}'
            problems.append(f'{where}: the model `{recipe.model}` is already in {seen[recipe.model]}; rename one')
            twice.add(recipe.model)
        seen.setdefault(recipe.model, recipe.file)
    for recipe, at in recipes:
        if recipe.group in seen:
            where = f'{at.file or recipe.file}:{at.line}:{at.column}'
            problems.append(f'{where}: the group `{recipe.group}` is a model in {seen[recipe.group]}; rename one')
    return tuple(recipe for recipe, _ in recipes if recipe.model not in twice), _once(problems)


def _once(problems: list[str]) -> tuple[str, ...]:
    """Return the problems, one of a file that several recipes extend with all of them."""
    found: dict[str, list[str]] = {}
    for problem in problems:
        said, _, by = problem.partition(EXTENDED)
        found.setdefault(said, []).extend([by] if by else [])
    return tuple(said + (f'{EXTENDED}{_few(by)}' if by else '') for said, by in found.items())


def _few(names: list[str]) -> str:
    return ', '.join(names[:3]) + (f' and {len(names) - 3} more' if len(names) > 3 else '')


def _read(node: Node, reader: Reader) -> Recipe | None:
    mistakes = reader.mistakes
    keyed = entries.mapping(node, 'the recipe', mistakes, KEYS, REQUIRED)
    if keyed is None:
        return None
    given: dict[str, Node] = {str(key): below for key, below in keyed.items()}
    if 'recipe' in given and (type(given['recipe'].value), given['recipe'].value) != (int, VERSION):
        mistakes.add(given['recipe'], f'`recipe` is {shown(given["recipe"].value)}; expected {VERSION}, the format')
    model = _read_model(given['model'], mistakes) if 'model' in given else None
    format, source = read_source(given['source'], reader) if 'source' in given else (None, None)
    inputs, carried = _read_inputs(given, keyed, format, mistakes)
    outputs, in_file = read_outputs(given['outputs'], mistakes) if 'outputs' in given else ((), {})
    carries = read_carries(carried, outputs or (), mistakes)
    preprocessing = (
        entries.text(given['preprocessing'], '`preprocessing`', mistakes) if 'preprocessing' in given else ''
    )
    data, roles, most = read_data(given['data'], outputs or (), reader) if 'data' in given else ({}, (), None)
    # With inputs that are wrong, or that only the file tells, any dimension may exist.
    known = bool(inputs) and all(port.shape != ANY for port in inputs or ())
    named = {d for port in inputs or () for d in port.shape if isinstance(d, str)}
    batched = 'batch' in named or not known
    dimensions = named - {'batch'} if known else None
    ground = Ground(format, roles, batched, dimensions)
    variants = read_variants(given['variants'], ground, mistakes) if 'variants' in given else ()
    check = asks.read_check(given['check'], most, mistakes) if 'check' in given else Check(None)
    benchmark = Benchmark()
    if 'benchmark' in given and inputs is not None:
        benchmark = asks.read_benchmark(given['benchmark'], dimensions, mistakes)
    scenarios = {*benchmark.scenarios, *(one for variant in variants for one in variant.scenarios)}
    if known and not roles and not mistakes:
        ports = {str(key): at for key, at in given['inputs'].value.items()}
        told = [{*benchmark.sizes, *variant.sizes} for variant in variants]
        asks.check_sizes(ports, inputs or (), told, mistakes)
    asks.check_bound(node, benchmark, scenarios, mistakes)
    choose = asks.read_choose(given['choose'], most, mistakes) if 'choose' in given else Choose()
    regression = read_regression(given['regression'], most, mistakes) if 'regression' in given else {}
    timeout = asks.read_timeout(given['timeout'], mistakes) if 'timeout' in given else Recipe.timeout
    memory = asks.read_memory(given['memory'], mistakes) if 'memory' in given else Recipe.memory
    license, description = (
        entries.text(given[key], f'`{key}`', mistakes) if key in given else '' for key in ('license', 'description')
    )
    authors = entries.texts(given['authors'], '`authors`', mistakes) if 'authors' in given else ()
    tags = _read_tags(given['tags'], mistakes) if 'tags' in given else ()
    if license is None or description is None or authors is None:
        return None
    group = _read_group(given['group'], mistakes) if 'group' in given else ''
    around = read_around(given['around'], reader) if 'around' in given else None
    if model is None or source is None or inputs is None or outputs is None or preprocessing is None:
        return None
    if timeout is None or memory is None or group is None:
        return None
    return Recipe(
        file=mistakes.file,
        model=model,
        source=source,
        inputs=inputs,
        outputs=outputs,
        in_file=in_file,
        preprocessing=preprocessing,
        data=data,
        variants=variants,
        check=check,
        benchmark=benchmark,
        choose=choose,
        regression=regression,
        timeout=timeout,
        memory=memory,
        carries=carries,
        group=group,
        around=around,
        license=license,
        description=description,
        authors=authors,
        tags=tags,
    )


def _read_inputs(
    given: dict[str, Node], keyed: dict[Key, Node], format: str | None, mistakes: Mistakes
) -> tuple[tuple[Port, ...] | None, Carried]:
    """Return the inputs, or none where they are left to the file, which tells them unless it is Python."""
    if 'inputs' in given:
        return read_inputs(given['inputs'], format is not None and of_python(format), mistakes) or (None, {})
    if format is None or not of_python(format):
        return (), {}
    at = next(key for key in keyed if key == 'source')
    mistakes.add(at, f'a module does not say what it takes; expected `inputs: {{{EXAMPLE}}}`')
    return None, {}


def _read_tags(node: Node, mistakes: Mistakes) -> tuple[str, ...]:
    found = entries.texts(node, '`tags`', mistakes) or ()
    for tag in found:
        if not names.TAG.fullmatch(tag):
            mistakes.add(node, f'the tag {shown(tag)} is no word of letters, digits, `.`, `_` and `-`')
    return found


def _read_group(node: Node, mistakes: Mistakes) -> str | None:
    name = entries.text(node, '`group`', mistakes)
    if name is not None and (wrong := names.wrong_model(name)):
        mistakes.add(node, f'`group` is {shown(name)}; {wrong}')
        return None
    return name


def _read_model(node: Node, mistakes: Mistakes) -> str | None:
    name = entries.text(node, '`model`', mistakes)
    if name is not None and (wrong := names.wrong_model(name)):
        mistakes.add(node, f'`model` is {shown(name)}; {wrong}')
        return None
    return name
