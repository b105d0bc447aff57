"""The command table as `nodeproof describe` prints it, as values: what man pages and completions are made of."""

import json
import re
import subprocess
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Option:
    names: tuple[str, ...]  # "-c", "--config"; of an argument one without a dash
    kind: str               # "TEXT", "" = a flag
    choices: tuple[str, ...]
    default: str
    required: bool
    several: bool
    summary: str

    @property
    def is_flag(self) -> bool:
        return not self.kind

    @property
    def is_argument(self) -> bool:
        return not self.names[0].startswith("-")


@dataclass(frozen=True)
class Command:
    path: tuple[str, ...]  # ("nodeproof", "index", "merge")
    summary: str
    options: tuple[Option, ...]
    arguments: tuple[Option, ...]
    commands: tuple["Command", ...] = field(default=())

    def leaves(self) -> list["Command"]:
        """Itself, or all below it that can be called."""
        return [leaf for command in self.commands for leaf in command.leaves()] if self.commands else [self]


@dataclass(frozen=True)
class Table:
    program: Command
    version: str
    codes: tuple[str, ...]     # finding codes
    profiles: tuple[str, ...]  # hosts known by name


def _option(row: dict) -> Option:
    kind, _, braces = row["value"].partition(":{")
    choices = tuple(braces.rstrip("}").split(",")) if braces else ()
    names = tuple(row["names"]) if "names" in row else (row["name"],)
    return Option(names, kind, choices, row["default"], row["required"], row["several"], row["summary"])


def _command(row: dict, above: tuple[str, ...]) -> Command:
    path = (*above, row["name"])
    rows = [_option(option) for option in row["options"]]
    return Command(path, row["summary"], tuple(o for o in rows if not o.is_argument), tuple(o for o in rows if o.is_argument),
                   tuple(_command(sub, path) for sub in row["commands"]))


def read(program: list[str]) -> Table:
    """`program`: the binary, behind its emulator where it is for another processor."""
    def ask(*arguments: str) -> str:
        return subprocess.run([*program, *arguments], capture_output=True, text=True, check=True).stdout
    profiles = [line.split()[0] for line in ask("host", "--profiles").splitlines() if re.match(r"[a-z0-9-]+ ", line)]
    return Table(_command(json.loads(ask("describe")), ()), json.loads(ask("version", "-o", "json"))["version"],
                 tuple(line.split()[0] for line in ask("explain").splitlines()), tuple(profiles))
