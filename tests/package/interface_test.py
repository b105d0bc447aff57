"""Man pages and completions: all that --help has, nothing that it has not, and the tools that read them are content."""

import json
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from made import OWN, ROOT, content, packages

BINARY = ROOT / f"build/{OWN}-release/nodeproof"
PAGES = {"nodeproof.1": "usr/share/man/man1/nodeproof.1.gz", "nodeproof.json.5": "usr/share/man/man5/nodeproof.json.5.gz"}
OUTPUTS = {"table", "json", "html", "junit", "sarif"}
BASH = "usr/share/bash-completion/completions/nodeproof"
ZSH = "usr/share/zsh/vendor-completions/_nodeproof"
FISH = "usr/share/fish/vendor_completions.d/nodeproof.fish"


def packed(name: str) -> bytes:
    return content(packages()[f"{OWN}.deb"], name)


def help_of(*command: str) -> str:
    return subprocess.run([BINARY, *command, "--help"], capture_output=True, text=True, check=True).stdout


def named_by_help(*command: str) -> tuple[set[str], list[str]]:
    """(options, commands) of one command, as --help lists them."""
    options, commands, section = set(), [], ""
    for line in help_of(*command).splitlines():
        if line.endswith(":") and not line.startswith(" "):
            section = line
        match = re.match(r"^  (-[^ ]+)", line)
        if match:
            options |= set(match.group(1).split(","))
        elif section == "Subcommands:" and (word := re.match(r"^  ([a-z-]+)", line)):
            commands.append(word.group(1))
    return options, commands


def leaves(*command: str) -> list[tuple[str, ...]]:
    below = named_by_help(*command)[1]
    return [leaf for sub in below for leaf in leaves(*command, sub)] if below else [command]


def keys_of(schema) -> set[str]:
    """All names that stand below "properties" somewhere."""
    if isinstance(schema, list):
        return set().union(*map(keys_of, schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", {})).union(*map(keys_of, schema.values()))


class ManPages(unittest.TestCase):
    def page(self, folder: str, name: str) -> Path:
        path = Path(folder) / name
        path.write_bytes(packed(PAGES[name]))
        return path

    def test_man_and_mandoc_render_them_without_a_warning(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in PAGES:
                path = self.page(folder, name)
                done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path], capture_output=True, text=True, check=False)
                self.assertEqual((0, ""), (done.returncode, done.stderr), name)
                done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", path], capture_output=True, text=True, check=False)
                self.assertEqual("", done.stdout, name)

    def test_every_command_and_option_of_help_is_in_the_page(self):
        with tempfile.TemporaryDirectory() as folder:
            text = subprocess.run(["mandoc", "-Tascii", self.page(folder, "nodeproof.1")], capture_output=True, text=True, check=True).stdout
        text = re.sub(r".\x08", "", text)
        self.assertGreater(len(leaves()), 15)
        for command in leaves():
            with self.subTest(command):
                title = f"   nodeproof {' '.join(command)}\n"
                self.assertIn(title, text)
                section = text.partition(title)[2].partition("\n   nodeproof ")[0]
                for option in named_by_help(*command)[0] - {"-h", "--help"}:
                    self.assertRegex(section, rf"(?m)^ +(-\S+, )*{re.escape(option)}\b")

    def test_no_hidden_command_is_in_it(self):
        self.assertNotIn("describe", packed(PAGES["nodeproof.1"]).decode())
        self.assertNotIn("child", packed(PAGES["nodeproof.1"]).decode())

    def test_every_key_of_the_schema_is_in_the_other_page(self):
        page = packed(PAGES["nodeproof.json.5"]).decode().replace("\\-", "-")
        keys = keys_of(json.loads((ROOT / "systemd/nodeproof.schema.json").read_text(encoding="utf-8")))
        self.assertGreater(len(keys), 60)
        for key in keys:
            self.assertRegex(page, rf"(?m)^\\fB(\S*\.)?{key}\\fR ", key)


class Bash(unittest.TestCase):
    def complete(self, *words: str) -> set[str]:
        """What a real bash offers for the last word."""
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "nodeproof"
            script.write_bytes(packed(BASH))
            line = ("source \"$1\"; shift; complete -p nodeproof > /dev/null || exit 9; COMP_WORDS=(nodeproof \"$@\"); COMP_CWORD=$#; "
                    "_nodeproof; printf '%s\\n' \"${COMPREPLY[@]}\"")
            done = subprocess.run(["bash", "--norc", "-uc", line, "bash", script, *words], capture_output=True, text=True, check=True)
            self.assertEqual("", done.stderr)
            return set(done.stdout.split())

    def test_commands_options_and_values(self):
        self.assertEqual(set(named_by_help()[1]), self.complete(""))
        self.assertEqual({"check", "compare", "config"}, self.complete("c"))
        self.assertEqual({"merge", "restore", "backup"}, self.complete("index", ""))
        self.assertEqual(OUTPUTS, self.complete("check", "-o", ""))
        self.assertEqual({"json", "junit"}, self.complete("-o", "j"))
        self.assertIn("ArchMismatch", self.complete("explain", "Arch"))
        self.assertIn("pi5", self.complete("inspect", "--host", "p"))

    def test_an_options_value_is_no_command_and_files_are_left_to_bash(self):
        self.assertEqual(set(named_by_help()[1]), self.complete("-c", "check", ""))
        self.assertEqual(set(), self.complete("check", "-c", ""))
        self.assertEqual(set(), self.complete("compare", ""))

    def test_every_command_offers_the_options_of_its_help(self):
        for command in leaves():
            with self.subTest(command):
                self.assertLessEqual(named_by_help(*command)[0], self.complete(*command, "-"))
                self.assertIn("--config", self.complete(*command, "--c"))


@unittest.skipUnless(shutil.which("fish"), "fish is not installed")
class Fish(unittest.TestCase):
    def complete(self, line: str) -> set[str]:
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "nodeproof.fish"
            script.write_bytes(packed(FISH))
            done = subprocess.run(["fish", "--no-config", "-c", f"cd {folder}; source {script}; complete -C '{line}'"], capture_output=True,
                                  text=True, check=True, env={"HOME": folder, "PATH": "/usr/bin:/bin", "TERM": "dumb"})
            self.assertEqual("", done.stderr)
            return {word.partition("\t")[0] for word in done.stdout.splitlines()}

    def test_commands_options_and_values(self):
        self.assertLessEqual(set(named_by_help()[1]), self.complete("nodeproof "))
        self.assertEqual({"merge", "restore", "backup"}, self.complete("nodeproof index ") - {"nodeproof.fish"})
        self.assertEqual(OUTPUTS, self.complete("nodeproof check -o "))
        self.assertIn("ArchMismatch", self.complete("nodeproof explain Arch"))
        for command in (("check",), ("index", "merge"), ("inspect",)):
            wanted = {option for option in named_by_help(*command)[0] if option.startswith("--")}
            self.assertLessEqual(wanted, self.complete(f"nodeproof {' '.join(command)} --"))


@unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
class Zsh(unittest.TestCase):
    # A zsh in a terminal of its own is asked for the list; the marks tell its words from the prompt.
    SCRIPT = r"""
zmodload zsh/zpty
zpty z "PS1= TERM=dumb zsh -f -i"
zpty -w z 'fpath=($FOLDER $fpath); autoload -Uz compinit; compinit -u -d $FOLDER/dump; zstyle ":completion:*" list-prompt ""; LISTMAX=0; COLUMNS=300'
zpty -w z 'compadd () { local -a all; builtin compadd -O all "$@"; print -r -- "WORDS ${all[*]}" >> $FOLDER/words; builtin compadd "$@" }'
zpty -w z 'print RE""ADY > $FOLDER/ready'
while [[ ! -s $FOLDER/ready ]]; do zpty -r -t z ignored; sleep 0.05; done
zpty -w -n z "$LINE"$'\t'
for i in {1..200}; do zpty -r -t z ignored; [[ -s $FOLDER/words ]] && break; sleep 0.05; done
sleep 0.3
zpty -d z
cat $FOLDER/words
"""

    def complete(self, line: str) -> set[str]:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "_nodeproof").write_bytes(packed(ZSH))
            done = subprocess.run(["zsh", "-f", "-c", self.SCRIPT], capture_output=True, text=True, check=False, timeout=60,
                                  env={"FOLDER": folder, "LINE": line, "HOME": folder, "PATH": "/usr/bin:/bin", "TERM": "dumb"})
            return {word for row in done.stdout.splitlines() for word in row.removeprefix("WORDS ").split()}

    def test_it_is_valid_and_offers_commands_options_and_values(self):
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "_nodeproof"
            script.write_bytes(packed(ZSH))
            subprocess.run(["zsh", "-n", script], check=True)
        self.assertLessEqual({"check", "compare", "config"}, self.complete("nodeproof c"))
        self.assertLessEqual({"merge", "restore", "backup"}, self.complete("nodeproof index "))
        self.assertLessEqual(OUTPUTS, self.complete("nodeproof check -o "))
        self.assertIn("ArchMismatch", self.complete("nodeproof explain Arch"))
