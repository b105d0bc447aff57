"""Manual pages: nodeproof(1) of the command table, nodeproof.json(5) of the schema and the example with every default."""

import json

from command_table import Command, Option, Table

EXIT_CODES = (
    ("0", "ready, whole, done"),
    ("1", "at least one image, platform or host is not ready, damaged or different"),
    ("2", "nothing is wrong, and something could not be found out: not known is never a pass"),
    ("64", "usage: an option, an argument or a file that it names"),
    ("69", "containerd cannot be reached, or a permission is missing"),
    ("70", "an error of nodeproof itself"),
    ("75", "another instance is at work"),
    ("78", "the configuration cannot be used"),
    ("130", "interrupted"),
)
FILES = (
    ("/etc/nodeproof/nodeproof.json", "the configuration, see nodeproof.json(5); without it the defaults hold and nothing is required"),
    ("/etc/nodeproof/conf.d/*.json", "read behind it, in the order of their names"),
    ("/var/lib/nodeproof", "state: the last report, proofs, what is known of layers; only root may read it"),
    ("/run/nodeproof/nodeproof.sock", "the daemon's socket"),
    ("/run/nodeproof/ready", "is there while the daemon runs and the node is ready"),
)
ENVIRONMENT = (
    ("NO_COLOR", "no colours, if it is set and not empty"),
    ("https_proxy, http_proxy, no_proxy", "forward proxies, where the configuration names none"),
    ("DOCKER_CONFIG", "the folder of docker's config.json"),
    ("TMPDIR", "where inspect keeps what it learns of layers while it runs"),
)


def text(line: str) -> str:
    """A line as roff prints it: nothing in it is taken for a request or an escape."""
    line = line.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    return "\\&" + line if line.startswith(".") else line


def head(name: str, section: int, table: Table, title: str) -> list[str]:
    return [f'.TH {text(name.upper())} {section} "" "nodeproof {table.version}" "nodeproof"', ".SH NAME", f"{text(name)} \\- {text(title)}"]


def tagged(rows) -> list[str]:
    return [line for tag, body in rows for line in (".TP", f".B {text(tag)}", text(body))]


def value_name(option: Option) -> str:
    if option.choices:
        return "|".join(option.choices)
    return {"FLOAT": "NUMBER", "INT": "NUMBER", "UINT": "NUMBER"}.get(option.kind.split(":")[0].split(" ")[0], "TEXT")


def option_lines(option: Option) -> list[str]:
    names = ", ".join(f"\\fB{text(name)}\\fR" for name in option.names)
    value = "" if option.is_flag or option.is_argument else f" \\fI{text(value_name(option))}\\fR"
    notes = ["may be repeated"] if option.several and not option.is_argument else []
    notes += [f"default: {option.default}"] if option.default and not option.is_flag else []
    summary = option.summary + (f" ({'; '.join(notes)})" if notes else "")
    return [".TP", names + value, text(summary or "no more is said of it")]


def synopsis(command: Command) -> str:
    words = [f"\\fB{text(' '.join(command.path))}\\fR"]
    if any(not option.required and option.names != ("-h", "--help") for option in command.options):
        words.append("[\\fIOPTION\\fR]...")
    words += [f"\\fB{text(option.names[-1])}\\fR \\fI{text(value_name(option))}\\fR" for option in command.options if option.required]
    for argument in command.arguments:
        word = f"\\fI{text(argument.names[0].upper())}\\fR" + ("..." if argument.several else "")
        words.append(word if argument.required else f"[{word}]")
    return " ".join(words)


def command_lines(command: Command) -> list[str]:
    lines = [f".SS {text(' '.join(command.path))}", text(capital(command.summary)) + ".", ".PP", synopsis(command)]
    for option in (*command.arguments, *command.options):
        if option.names != ("-h", "--help"):
            lines += option_lines(option)
    return lines


def capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def nodeproof_1(table: Table) -> str:
    program = table.program
    lines = head("nodeproof", 1, table, "proves that every image this node needs is right for it, whole, and runs here")
    lines += [".SH SYNOPSIS", "\\fBnodeproof\\fR [\\fIOPTION\\fR]... \\fICOMMAND\\fR [\\fIARGUMENT\\fR]..."]
    lines += [".SH DESCRIPTION", text(program.summary), ".PP",
              "It resolves each required image as this node\\(aqs containerd does, fetches it, inspects the bytes, starts it in a sandbox,",
              "and says \\fIready\\fR, \\fInot\\-ready\\fR or \\fIunknown\\fR. Nothing that runs is stopped, and a proven image stays proven",
              "while its registry is away.", ".SH OPTIONS", "Of all commands, before or behind the command\\(aqs name."]
    for option in program.options:
        lines += option_lines(option)
    lines.append(".SH COMMANDS")
    for command in program.leaves():
        lines += command_lines(command)
    lines += [".SH EXIT STATUS", *tagged(EXIT_CODES), ".SH FILES", *tagged(FILES), ".SH ENVIRONMENT", *tagged(ENVIRONMENT),
              ".SH SEE ALSO", ".BR nodeproof.json (5),", ".BR ctr (8)"]
    return "\n".join(lines) + "\n"


# --- nodeproof.json(5) ---

def keys_of(schema: dict, node: dict, path: str) -> list[tuple[str, dict]]:
    """Every key below a node with its schema, in the schema's order."""
    node = resolved(schema, node)
    rows = []
    for name, child in node.get("properties", {}).items():
        child = resolved(schema, child)
        rows.append((path + name, child))
        rows += keys_of(schema, child, f"{path}{name}.")
    more = node.get("additionalProperties")
    if isinstance(more, dict):
        rows += keys_of(schema, more, path + "NAME.")
    if isinstance(node.get("items"), dict):
        rows += keys_of(schema, node["items"], path[:-1] + "[].")
    for choice in (*node.get("oneOf", ()), *node.get("anyOf", ())):
        known = {name for name, _ in rows}
        rows += [row for row in keys_of(schema, choice, path) if row[0] not in known]
    return rows


def resolved(schema: dict, node: dict) -> dict:
    if "$ref" not in node:
        return node
    target = schema
    for step in node["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    return {**resolved(schema, target), **{name: value for name, value in node.items() if name != "$ref"}}


def type_of(node: dict) -> str:
    if "enum" in node:
        return " | ".join(json.dumps(value) for value in node["enum"])
    kind = node.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else kind or "value"


def nodeproof_json_5(table: Table, schema: str, example: str) -> str:
    document = json.loads(schema)
    lines = head("nodeproof.json", 5, table, "configuration of nodeproof")
    lines += [".SH DESCRIPTION",
              "JSON with // and /* */ comments. No key is mandatory but an image\\(aqs \\fIreference\\fR; an unknown key or a wrong type is",
              "an error that names file, line and path:", ".B nodeproof config check", ".SH KEYS"]
    for path, node in keys_of(document, document, ""):
        default = "default" in node and not isinstance(node["default"], dict)
        notes = type_of(node) + (f", default {json.dumps(node['default'])}" if default else "")
        lines += [".TP", f"\\fB{text(path)}\\fR ({text(notes)})", text(capital(node["description"])) + "." if "description" in node else "\\&"]
    lines += [".SH EXAMPLE", "Every key with its default.", ".PP", ".nf"]
    lines += [text(line) or "\\&" for line in example.splitlines()]
    lines += [".fi", ".SH SEE ALSO", ".BR nodeproof (1)"]
    return "\n".join(lines) + "\n"
