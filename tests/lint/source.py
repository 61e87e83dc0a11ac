# SPDX-License-Identifier: MIT
"""The tree as the lint rules see it: files, code without comments, functions."""

import re
from pathlib import Path

TOP = ("proto", "gen", "config", "client", "server", "tests", "bench", "cmake", "scripts", ".ci")
TOP_FILES = ("CMakeLists.txt", "Justfile", "justw", "packages.txt", ".clang-format")
SUFFIXES = (".c", ".h", ".def", ".proto", ".py", ".sh", ".cmake", ".txt", ".yaml", ".yml")
GENERATED = (".rpc.c", ".rpc.h")

TOKEN = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


class Finding:
    def __init__(self, rule, path, line, detail):
        self.rule, self.path, self.line, self.detail = rule, path, line, detail


class Function:
    """A function definition: our format puts its braces on lines of their own, in column 0."""

    def __init__(self, name, parameters, first, body):
        self.name, self.parameters, self.first, self.body = name, parameters, first, body

    @property
    def n_lines(self):
        return len(self.body) + 2


def blank(text, keep_strings):
    """Comments, and strings unless they are kept, become blanks; line numbers stay."""

    def erase(match):
        if keep_strings and not match[0].startswith("/*"):
            return match[0]
        return re.sub(r"[^\n]", " ", match[0])

    return TOKEN.sub(erase, text)


class File:
    def __init__(self, root, path):
        self.path = path
        self.text = (root / path).read_text(encoding="utf-8")
        self.lines = self.text.removesuffix("\n").split("\n")
        self.is_c = path.endswith((".c", ".h", ".def"))
        self.is_header = path.endswith(".h")
        self.is_generated = path.endswith(GENERATED)
        if self.is_c:
            self.code = blank(self.text, keep_strings=False).split("\n")

    def includes(self):
        """(line number, opening character, name) of each #include."""
        for number, line in enumerate(blank(self.text, keep_strings=True).split("\n"), 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if match:
                yield number, match[1], match[2]

    def functions(self):
        start = None
        for number, line in enumerate(self.code):
            if line == "{":
                start = number
            elif line.startswith("}") and start is not None:
                yield self._function(start, number)
                start = None

    def _function(self, start, end):
        first = start
        while first > 0 and re.search(r"[^;}\s]\s*$", self.code[first - 1]) \
                and not self.code[first - 1].startswith("#"):
            first -= 1
        head = " ".join(self.code[first:start])
        head = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head)
        name, _, rest = head.partition("(")
        return Function(name.split()[-1].lstrip("*") if name.split() else "?",
                        split_parameters(rest), first + 1, self.code[start + 1:end])


def split_parameters(rest):
    """The parameters up to the closing parenthesis, split at commas of the outermost level."""
    depth, current, found = 0, "", []
    for character in rest:
        if character == ")" and depth == 0:
            break
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            found.append(current.strip())
            current = ""
        else:
            current += character
    if current.strip() not in ("", "void"):
        found.append(current.strip())
    return found


def is_script(path):
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def read_tree(root):
    """All text files that the rules look at, in a fixed order."""
    root = Path(root)
    paths = [root / name for name in TOP_FILES]
    for top in TOP:
        paths += sorted((root / top).rglob("*"))
    files = []
    for path in paths:
        if not path.is_file() or "__pycache__" in path.parts or "node_modules" in path.parts:
            continue
        if path.name in TOP_FILES or path.suffix in SUFFIXES or is_script(path):
            files.append(File(root, str(path.relative_to(root))))
    return files
