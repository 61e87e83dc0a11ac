# SPDX-License-Identifier: MIT
"""How large things may grow, and how functions flow."""

import re

from source import Finding

COLUMNS_MAX = 100
FILE_LINES_MAX = 600
HEADER_LINES_MAX = 250
FUNCTION_LINES_MAX = 70
PARAMETERS_MAX = 5
NESTING_MAX = 3

REASONS = {
    "line-length": f"a line has at most {COLUMNS_MAX} columns, a tab counts for 8; a single word "
                   "may be longer",
    "file-length": f"a file has at most {FILE_LINES_MAX} lines, or it does two things",
    "header-length": f"a header has at most {HEADER_LINES_MAX} lines, or it is two contracts",
    "function-length": f"a function has at most {FUNCTION_LINES_MAX} lines and fits on a screen",
    "parameters": f"above {PARAMETERS_MAX} parameters an options struct gives them names; "
                  "data with its length, and a callback with its argument, count as one",
    "nesting": f"control flow nests at most {NESTING_MAX} deep: return early or name a function",
    "upward-goto": "goto leads down to the cleanup; what leads up is a loop",
    "try-and-goto": "LK_TRY skips the cleanup that a goto in the same function shows to exist",
    "pragma-once": "a header includes #pragma once",
    "spdx": "the first line, or the one after #!, says SPDX-License-Identifier: MIT",
}

# Called by generated stubs only, which fill in the parameters.
MANY_PARAMETERS = {"lk_rpc_call", "lk_rpc_call_async"}

LENGTH = re.compile(r"(size_t|unsigned|int|uint\d+_t) (n|len|count|n_\w+|\w+_n|\w+_len|\w+_count)$")


def count_parameters(parameters):
    n = 0
    for i, parameter in enumerate(parameters):
        is_length = i > 0 and "*" in parameters[i - 1] and LENGTH.match(parameter)
        is_argument = i > 0 and re.search(r"void \*(arg|\w+_arg)$", parameter)
        if not is_length and not is_argument and parameter != "...":
            n += 1
    return n


def check_flow(file, function):
    labels = {}
    for offset, line in enumerate(function.body):
        match = re.match(r"\s*(\w+):$", line)
        if match and match[1] != "default":
            labels[match[1]] = offset
    for offset, line in enumerate(function.body):
        number = function.first + offset + 1
        match = re.search(r"\bgoto (\w+);", line)
        if match and labels.get(match[1], -1) < offset:
            yield Finding("upward-goto", file.path, number, line.strip())
        indent = len(line) - len(line.lstrip("\t"))
        if indent > NESTING_MAX and re.match(r"\t+(if|for|while|switch|do)\b", line):
            yield Finding("nesting", file.path, number, f"in {function.name}: {line.strip()}")
    text = "\n".join(function.body)
    if "goto " in text and "LK_TRY(" in text:
        yield Finding("try-and-goto", file.path, function.first, f"in {function.name}")


def check_function(file, function):
    if function.n_lines > FUNCTION_LINES_MAX:
        yield Finding("function-length", file.path, function.first,
                      f"{function.name} has {function.n_lines} lines")
    n = count_parameters(function.parameters)
    if n > PARAMETERS_MAX and function.name not in MANY_PARAMETERS:
        yield Finding("parameters", file.path, function.first, f"{function.name} has {n}")
    yield from check_flow(file, function)


def check_file(file):
    limit, rule = (HEADER_LINES_MAX, "header-length") if file.is_header \
        else (FILE_LINES_MAX, "file-length")
    if len(file.lines) > limit:
        yield Finding(rule, file.path, limit + 1, f"{len(file.lines)} lines")
    if file.is_header and "#pragma once" not in file.lines:
        yield Finding("pragma-once", file.path, 1, "")
    for number, line in enumerate(file.lines, 1):
        columns = len(line.expandtabs(8))
        if columns > COLUMNS_MAX and len(line.split()) > 1:
            yield Finding("line-length", file.path, number, f"{columns} columns")


def check(files):
    for file in files:
        # Cases of the plugin carry another licence, to show that it is carried over.
        if file.path.startswith("tests/plugin/cases/"):
            continue
        if not any("SPDX-License-Identifier: MIT" in line for line in file.lines[:2]):
            yield Finding("spdx", file.path, 1, "")
        if file.is_generated:
            continue
        yield from check_file(file)
        if file.is_c:
            for function in file.functions():
                yield from check_function(file, function)
