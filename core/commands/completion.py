"""`faceveil completion bash|zsh|fish`: what makes the Tab key finish commands, options and their values.

bash:  echo 'source <(faceveil completion bash)' >> ~/.bashrc
zsh:   echo 'source <(faceveil completion zsh)' >> ~/.zshrc
fish:  faceveil completion fish > ~/.config/fish/completions/faceveil.fish
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from ..plain import plain
from .parser import Verbs, options_of
from .telling import tell

SHELLS = ("bash", "zsh", "fish")
Parsers = Mapping[str, argparse.ArgumentParser]


def add(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "completion",
        help="make the Tab key finish commands and options",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(run=partial(run, verbs))


def run(verbs: Verbs, options: argparse.Namespace) -> int:
    if options.shell == "fish":
        tell(*fish(verbs.choices, {choice.dest: choice.help or "" for choice in verbs._choices_actions}))
    else:
        tell(*{"bash": bash, "zsh": zsh}[options.shell](verbs.choices))
    return 0


def words_of(parser: argparse.ArgumentParser) -> tuple[list[str], dict[str, list[str]]]:
    """A verb's long options, and the values of those that take one of a few."""
    options = {name: action for name, action in options_of(parser).items() if name.startswith("--")}
    chosen = {name: [str(value) for value in action.choices] for name, action in options.items() if action.choices}
    return sorted(options), chosen


def bash(verbs: Parsers) -> Iterator[str]:
    """A function that looks at the word before: a verb's options, an option's values, or else files."""
    yield "_faceveil() {"
    yield '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"'
    yield '    if [ "$COMP_CWORD" -eq 1 ]; then'
    yield f'        COMPREPLY=($(compgen -W {_quoted(verbs)} -- "$word")); return'
    yield "    fi"
    yield '    case "${COMP_WORDS[1]} $before" in'
    for verb, parser in verbs.items():
        for option, values in words_of(parser)[1].items():
            yield f"        '{verb} {option}') COMPREPLY=($(compgen -W {_quoted(values)} -- \"$word\")); return;;"
        for values in _positional(parser):
            yield f"        '{verb} {verb}') COMPREPLY=($(compgen -W {_quoted(values)} -- \"$word\")); return;;"
    yield "    esac"
    yield '    case "${COMP_WORDS[1]}" in'
    for verb, parser in verbs.items():
        yield f'        {verb}) [ "${{word#-}}" = "$word" ] ||'
        yield f'            COMPREPLY=($(compgen -W {_quoted(words_of(parser)[0])} -- "$word"));;'
    yield "    esac"
    yield "}"
    yield "complete -o default -F _faceveil faceveil"


def zsh(verbs: Parsers) -> Iterator[str]:
    """zsh runs bash's functions, and shows them in its own menu."""
    yield "autoload -U +X compinit && compinit"
    yield "autoload -U +X bashcompinit && bashcompinit"
    yield from bash(verbs)


def fish(verbs: Parsers, helps: Mapping[str, str]) -> Iterator[str]:
    """A line for every verb, option and value; fish shows the help beside each."""
    for verb, parser in verbs.items():
        yield f"complete -c faceveil -n __fish_use_subcommand -f -a {verb} -d {shlex.quote(helps[verb])}"
        for name in words_of(parser)[0]:
            action = options_of(parser)[name]
            line = f"complete -c faceveil -n '__fish_seen_subcommand_from {verb}' -l {name[2:]}"
            if action.choices:
                line += f" -x -a {_quoted(map(str, action.choices))}"
            elif action.nargs != 0:
                line += " -r"
            yield f"{line} -d {shlex.quote(plain(action.help or ''))}"
        for values in _positional(parser):
            yield f"complete -c faceveil -n '__fish_seen_subcommand_from {verb}' -f -a {_quoted(values)}"


def _positional(parser: argparse.ArgumentParser) -> list[list[str]]:
    """The values of what a verb takes without an option, where they are few."""
    few = [action.choices for action in parser._actions if action.choices and not action.option_strings]
    return [[str(value) for value in values] for values in few]


def _quoted(words: Iterable[str]) -> str:
    return shlex.quote(" ".join(words))
