"""Print what makes a shell complete `modelkiln` and `doit`: commands, options, recipes, variants and tags.

bash   eval "$(modelkiln completion bash)"                                 in ~/.bashrc
zsh    eval "$(modelkiln completion zsh)"                                  in ~/.zshrc, behind compinit
fish   modelkiln completion fish > ~/.config/fish/completions/modelkiln.fish
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from stages.errors import ModelkilnError
from stages.execute.project import find_root
from stages.recipe.read import read_right

SHELLS: Final = {
    'bash': """\
_modelkiln() {
    local word=${COMP_WORDS[COMP_CWORD]} line
    if declare -F _get_comp_words_by_ref >/dev/null; then
        local cur words cword
        _get_comp_words_by_ref -n : cur words cword
        word=$cur
    else
        local words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
    fi
    COMPREPLY=()
    while IFS= read -r line; do
        [[ $line == "$word"* ]] && COMPREPLY+=("$line")
    done < <(modelkiln completion words "${words[@]:0:cword}" 2>/dev/null)
    declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$word"
}
complete -o default -F _modelkiln modelkiln doit
""",
    'zsh': """\
_modelkiln() {
    local -a found
    found=("${(@f)$(modelkiln completion words "${(@)words[1,CURRENT-1]}" 2>/dev/null)}")
    compadd -a found
    _files
}
compdef _modelkiln modelkiln doit
""",
    'fish': """\
function __modelkiln_words
    modelkiln completion words (commandline -opc) 2>/dev/null
end
complete -c modelkiln -a '(__modelkiln_words)'
complete -c doit -a '(__modelkiln_words)'
""",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('shell', choices=[*SHELLS, 'words'], help='the shell; `words` is what it asks')
    parser.add_argument('line', nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(asked: argparse.Namespace) -> int:
    if asked.shell == 'words':
        print('\n'.join(words(asked.line)))
    else:
        print(SHELLS[asked.shell], end='')
    return 0


def words(line: Sequence[str]) -> list[str]:
    """Return what may come behind ``line``, the words before the one that is being typed."""
    program, given = (Path(line[0]).name if line else 'modelkiln'), list(line[1:])
    if program == 'doit':
        return [*(['list', 'clean', 'help'] if not given else []), *_names()]
    from stages.command.main import COMMANDS, parser

    verb = next((word for word in given if word in COMMANDS), None)
    if verb is None:
        return [*COMMANDS, '--help', '--version']
    own = _verb(parser([verb]), verb)
    options = [option for action in own._actions for option in action.option_strings]
    taken = next((action.choices for action in own._actions if given[-1] in action.option_strings), None)
    if taken:
        return [str(choice) for choice in taken]
    fixed = [str(c) for action in own._actions if not action.option_strings for c in action.choices or ()]
    named = any(action.dest in NAMED for action in own._actions if not action.option_strings)
    return [*fixed, *(_names() if named else []), *options]


NAMED: Final = ('name', 'recipe', 'step', 'variant')
"""Positional arguments that mean recipes and variants."""


def _verb(top: argparse.ArgumentParser, verb: str) -> argparse.ArgumentParser:
    verbs = next(action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    found: argparse.ArgumentParser = verbs.choices[verb]
    return found


def _names() -> Iterator[str]:
    """Yield the recipes here, their variants and tags; nothing outside of a project."""
    try:
        recipes, _ = read_right(find_root(Path.cwd()))
    except ModelkilnError:
        return
    for recipe in recipes:
        yield recipe.model
        yield from (f'{recipe.model}:{variant.name}' for variant in recipe.variants)
    yield from sorted({f'@{tag}' for recipe in recipes for tag in recipe.tags})
