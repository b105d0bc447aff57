"""Completions for bash, zsh and fish, made of the command table. Where nothing of ours fits, they offer files."""

from command_table import Command, Option, Table


def values_of(option: Option, table: Table) -> tuple[str, ...]:
    """The words that an option or argument takes; () = anything."""
    if option.choices:
        return option.choices
    return {"code": table.codes, "--profile": table.profiles, "--host": table.profiles}.get(option.names[-1], ())


def every_command(table: Table) -> list[Command]:
    found, todo = [], [table.program]
    while todo:
        command = todo.pop(0)
        found.append(command)
        todo += command.commands
    return found


def options_of(command: Command, table: Table) -> tuple[Option, ...]:
    """Its own ones and those of all commands: a name counts once."""
    seen, found = set(), []
    for option in (*command.options, *table.program.options):
        if option.names not in seen and not (option.names == ("--version",) and command is not table.program):
            seen.add(option.names)
            found.append(option)
    return tuple(found)


def words(names) -> str:
    return " ".join(names)


# --- bash ---

def bash(table: Table) -> str:
    commands, words_of, values, takes = [], [], [], set()
    for command in every_command(table):
        path = " ".join(command.path[1:])
        commands.append(f'    "{path}") words="{words(c.path[-1] for c in command.commands)}" ;;')
        names = [name for option in options_of(command, table) for name in option.names]
        words_of.append(f'    "{path}") words="{words(names)}" ;;')
        for argument in command.arguments:
            if values_of(argument, table):
                values.append(f'    "{path}") words="{words(values_of(argument, table))}" ;;')
        for option in options_of(command, table):
            takes |= set() if option.is_flag else set(option.names)
    chosen = []
    for option in {o.names: o for c in every_command(table) for o in options_of(c, table)}.values():
        if not option.is_flag:
            chosen.append(f'    {"|".join(option.names)}) words="{words(values_of(option, table))}" ;;')
    return f"""# bash completion for nodeproof; made by cross/completions.py

_nodeproof_commands() {{
  case $1 in
{chr(10).join(commands)}
  esac
}}

_nodeproof_options() {{
  case $1 in
{chr(10).join(words_of)}
  esac
}}

_nodeproof_arguments() {{
  words=
  case $1 in
{chr(10).join(values)}
  esac
}}

# The words an option takes; false for one that takes none.
_nodeproof_values() {{
  case $1 in
{chr(10).join(chosen)}
    *) return 1 ;;
  esac
}}

_nodeproof() {{
  local words= path= word i=1 current=${{COMP_WORDS[COMP_CWORD]}}
  while [ "$i" -lt "$COMP_CWORD" ]; do
    word=${{COMP_WORDS[i]}}
    if _nodeproof_values "$word"; then
      i=$((i + 1))
    else
      _nodeproof_commands "$path"
      case " $words " in *" $word "*) path="${{path:+$path }}$word" ;; esac
    fi
    i=$((i + 1))
  done
  words=
  if [ "$COMP_CWORD" -gt 1 ] && _nodeproof_values "${{COMP_WORDS[COMP_CWORD-1]}}"; then
    :
  elif [[ $current == -* ]]; then
    _nodeproof_options "$path"
  else
    _nodeproof_commands "$path"
    [ -n "$words" ] || _nodeproof_arguments "$path"
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}

complete -o default -F _nodeproof nodeproof
"""


# --- zsh ---

def zsh_text(text: str) -> str:
    for char in "\\[]:":
        text = text.replace(char, "\\" + char)
    return text.replace("'", "'\\''")


def zsh_action(option: Option, table: Table) -> str:
    values = values_of(option, table)
    name = zsh_text(option.names[-1].lstrip("-"))
    return f":{name}:" + (f"({words(values)})" if values else "_files")


def zsh_specs(command: Command, table: Table) -> list[str]:
    specs = []
    for option in options_of(command, table):
        for name in option.names:
            others = "" if option.several else f"({words(option.names)})"
            action = "" if option.is_flag else zsh_action(option, table)
            specs.append(f"'{others}{'*' if option.several else ''}{name}[{zsh_text(option.summary)}]{action}'")
    return specs


def zsh_function(command: Command, table: Table) -> str:
    name = "_" + "_".join(command.path).replace("-", "_")
    specs = zsh_specs(command, table)
    if not command.commands:
        specs += [f"'{'*' if argument.several else ''}{zsh_action(argument, table)}'" for argument in command.arguments]
        return f"{name}() {{\n  _arguments -S \\\n    " + " \\\n    ".join(specs) + "\n}\n"
    names = " \\\n      ".join(f"'{sub.path[-1]}:{zsh_text(sub.summary)}'" for sub in command.commands)
    cases = "\n".join(f"        {sub.path[-1]}) _{'_'.join(sub.path).replace('-', '_')} ;;" for sub in command.commands)
    return f"""{name}() {{
  local curcontext=$curcontext state line
  _arguments -C \\
    {(" " + chr(92) + chr(10) + "    ").join(specs)} \\
    '1:command:->command' '*::argument:->argument'
  case $state in
    command)
      local -a names=(
      {names})
      _describe command names ;;
    argument)
      case $line[1] in
{cases}
      esac ;;
  esac
}}
"""


def zsh(table: Table) -> str:
    functions = "\n".join(zsh_function(command, table) for command in reversed(every_command(table)))
    return f"#compdef nodeproof\n# zsh completion for nodeproof; made by cross/completions.py\n\n{functions}\n_nodeproof \"$@\"\n"


# --- fish ---

def fish_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish_option(option: Option, condition: str, table: Table) -> str:
    line = f"complete -c nodeproof{condition}"
    for name in option.names:
        line += f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}"
    if not option.is_flag:
        values = values_of(option, table)
        line += f" -x -a {fish_text(words(values))}" if values else " -r -F"
    return f"{line} -d {fish_text(option.summary)}"


def fish_command(command: Command, table: Table) -> list[str]:
    condition = f" -n {fish_text('__nodeproof_at ' + words(command.path[1:]))}"
    lines = [fish_option(option, condition, table) for option in command.options]
    lines += [f"complete -c nodeproof{condition} -f -a {sub.path[-1]} -d {fish_text(sub.summary)}" for sub in command.commands]
    for argument in command.arguments:
        if values_of(argument, table):
            lines.append(f"complete -c nodeproof{condition} -f -a {fish_text(words(values_of(argument, table)))}")
    return lines


def fish(table: Table) -> str:
    lines = [fish_option(option, "", table) for option in table.program.options if option.names != ("--version",)]
    commands = every_command(table)
    known = words({sub.path[-1]: 0 for command in commands for sub in command.commands})
    for command in commands:
        own = [o for o in command.options if command is not table.program or o.names == ("--version",)]
        lines += fish_command(Command(command.path, command.summary, tuple(own), command.arguments, command.commands), table)
    return f"""# fish completion for nodeproof; made by cross/completions.py

# Are these the commands on the line, and no more?
function __nodeproof_at
    set -l found
    for word in (commandline -opc)[2..]
        if contains -- $word {known}
            set -a found $word
        end
    end
    test "$found" = "$argv"
end

{chr(10).join(lines)}
"""
