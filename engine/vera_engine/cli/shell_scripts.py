"""The completion scripts of bash, zsh and fish, written from a tree of commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator

from vera_engine.cli.completion_words import Command, Option, Value

BASH = """# bash completion for vera-edit
_vera_edit() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    local command="" commands options valued words="" folders="" files="" place=0 index word
    COMPREPLY=()
    # --option=value comes as three words
    if [[ $current == = ]]; then
        current=""
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD-2]}
    fi
    _vera_edit_command
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ " $valued " == *" $word "* ]]; then
            ((index++))
            [[ ${COMP_WORDS[index]} == = ]] && ((index++))
        elif [[ $word == -* ]]; then
            continue
        elif [[ " $commands " == *" $word "* ]]; then
            command="$command $word"
            _vera_edit_command
        else
            ((place++))
        fi
    done
    if [[ " $valued " == *" $previous "* ]]; then
        _vera_edit_value "$previous"
    elif [[ $current == -* ]]; then
        words=$options
    else
        _vera_edit_value "$place"
        words="$words $commands"
    fi
    local IFS=$' \\n'
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    IFS=$'\\n'
    if [[ -n $files ]]; then
        COMPREPLY+=($(compgen -f -- "$current"))
        compopt -o filenames 2> /dev/null
    elif [[ -n $folders ]]; then
        COMPREPLY+=($(compgen -d -- "$current"))
        compopt -o filenames 2> /dev/null
    fi
    return 0
}

# What the command found so far understands; "valued" are the options that take a value
_vera_edit_command() {
    commands="" options="" valued="" place=0
    case $command in
@COMMANDS@
    esac
}

# What an option, or the positional argument at a place, can be
_vera_edit_value() {
    case "$command:$1" in
@VALUES@
    esac
}

complete -F _vera_edit vera-edit"""


def bash_script(program: Command) -> str:
    """A function for `complete -F`."""
    commands, values = [], []
    for command in program.all():
        name = "".join(f" {word}" for word in command.path)
        sets = {
            "commands": [child.path[-1] for child in command.commands],
            "options": [spelling for option in command.options for spelling in option.spellings],
            "valued": [spelling for option in command.options if option.value for spelling in option.spellings],
        }
        said = " ".join(f'{variable}="{" ".join(words)}"' for variable, words in sets.items() if words)
        commands.append(f'        "{name}") {said or ":"} ;;')
        for key, value in _values(command):
            what = [f'words="{" ".join(value.words)}"'] if value.words else []
            what += ["files=1"] if value.is_file else ["folders=1"] if value.is_folder else []
            if what:
                values.append(f'        "{name}:"{key}) {" ".join(what)} ;;')
    return BASH.replace("@COMMANDS@", "\n".join(commands)).replace("@VALUES@", "\n".join(values))


def _values(command: Command) -> Iterator[tuple[str, Value]]:
    """Patterns of bash for the options that take a value and for the places of positional arguments."""
    for option in command.options:
        if option.value:
            yield from ((spelling, option.value) for spelling in option.spellings)
    for place, value in enumerate(command.values):
        yield "*" if command.is_last_repeated and place == len(command.values) - 1 else str(place), value


def zsh_script(program: Command) -> str:
    """A function for each command, in the manner of `_arguments`."""
    functions = "\n\n".join(_zsh_function(command) for command in program.all())
    return f'#compdef vera-edit\n\n{functions}\n\n_vera_edit "$@"'


def _zsh_function(command: Command) -> str:
    name = _function_name(command)
    specs = [spec for option in command.options for spec in _zsh_option(option)]
    if not command.commands:
        for place, value in enumerate(command.values, 1):
            is_repeated = command.is_last_repeated and place == len(command.values)
            specs.append(shlex.quote(f"{'*' if is_repeated else place}:{_zsh_text(value.name)}:{_zsh_action(value)}"))
        return "\n".join([f"{name}() {{", "    _arguments \\", *_continued(specs), "}"])
    children = [shlex.quote(f"{child.path[-1]}:{_zsh_text(child.help)}") for child in command.commands]
    cases = [f"        {child.path[-1]}) {_function_name(child)} ;;" for child in command.commands]
    otherwise = (
        [f"        *) _arguments {' '.join(specs)} '*:{command.values[0].name}:_files -/' ;;"] if command.values else []
    )
    return "\n".join(
        [
            f"{name}() {{",
            "    local context state line",
            "    typeset -A opt_args",
            "    local -a commands=(",
            *(f"        {child}" for child in children),
            "    )",
            "    _arguments -C \\",
            *_continued([*specs, "'1: :->command'", "'*:: :->rest'"]),
            "    case $state in",
            "    command)",
            "        _describe command commands",
            *(["        _files -/"] if command.values else []),
            "        ;;",
            "    rest)",
            "        case $line[1] in",
            *cases,
            *otherwise,
            "        esac",
            "        ;;",
            "    esac",
            "}",
        ]
    )


def _zsh_option(option: Option) -> Iterator[str]:
    """A spec for each spelling; one excludes the others."""
    together = " ".join(option.spellings)
    for spelling in option.spellings:
        value = f":{_zsh_text(option.value.name)}:{_zsh_action(option.value)}" if option.value else ""
        yield shlex.quote(f"({together}){spelling}[{_zsh_text(option.help)}]{value}")


def _zsh_action(value: Value) -> str:
    files = "_files" if value.is_file else "_files -/" if value.is_folder else ""
    if value.words and files:
        return f"{{compadd {' '.join(value.words)}; {files}}}"
    return f"({' '.join(value.words)})" if value.words else files or " "


def _zsh_text(text: str) -> str:
    return re.sub(r"([\[\]:\\])", r"\\\1", text)


def _continued(specs: list[str]) -> list[str]:
    return [f"        {spec} \\" for spec in specs[:-1]] + [f"        {spec}" for spec in specs[-1:]]


def _function_name(command: Command) -> str:
    return "_vera_edit" + "".join(f"__{word.replace('-', '_')}" for word in command.path)


def fish_script(program: Command) -> str:
    """One `complete` a command, an option or a positional argument."""
    lines = ["# fish completion for vera-edit", "complete -c vera-edit -f"]
    for command in program.all():
        here = _fish_condition(command)
        lines += [
            f"complete -c vera-edit -n {here} -a {child.path[-1]} -d {_fish_text(child.help)}"
            for child in command.commands
        ]
        for option in command.options:
            spellings = " ".join(
                f"-l {spelling[2:]}" if spelling.startswith("--") else f"-s {spelling[1:]}"
                for spelling in option.spellings
            )
            value = f" -r{_fish_value(option.value)}" if option.value else ""
            lines.append(f"complete -c vera-edit -n {here} {spellings} -d {_fish_text(option.help)}{value}")
        lines += [f"complete -c vera-edit -n {here}{said}" for said in map(_fish_value, command.values) if said]
    return "\n".join(lines)


def _fish_condition(command: Command) -> str:
    if not command.path:
        return "__fish_use_subcommand"
    seen = [f"__fish_seen_subcommand_from {word}" for word in command.path]
    if command.commands:
        seen.append(f"not __fish_seen_subcommand_from {' '.join(child.path[-1] for child in command.commands)}")
    return _fish_text("; and ".join(seen))


def _fish_value(value: Value) -> str:
    offered = [*value.words, *(["(__fish_complete_directories)"] if value.is_folder else [])]
    words = f" -a {_fish_text(' '.join(offered))}" if offered else ""
    return f"{words} -F" if value.is_file else words


def _fish_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SCRIPTS: dict[str, Callable[[Command], str]] = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}
"""By the shell that reads them."""
