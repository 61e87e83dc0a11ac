# SPDX-License-Identifier: MIT
"""The realms of examples/demo.yaml, for tests that hold it to its word."""

import pathlib
import re

DEMO = pathlib.Path(__file__).resolve().parents[2] / "examples/demo.yaml"


def realm_of_demo(name):
    """The lines below its name, but for what is served over HTTP and what passwords cost."""
    realm = re.search(rf"^  {name}:\n((?:    .*\n|\n)*)", DEMO.read_text(), re.M)[1]
    realm = re.sub(r"^    http:\n(?:      .*\n)*", "", realm, flags=re.M)
    return re.sub(r"^    passwords:.*\n", "", realm, flags=re.M).rstrip() + "\n"
