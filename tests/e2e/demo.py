# SPDX-License-Identifier: MIT
"""The realms of examples/demo.yaml, for tests that hold it to its word."""

import pathlib
import re
import tempfile

DEMO = pathlib.Path(__file__).resolve().parents[2] / "examples/demo.yaml"

# Secrets that are shared with others, which scripts/demo.sh makes.
SECRETS = {"supabase": "a-secret-that-a-project-shares-with-us", "stripe": "whsec_" + "s3" * 16}
CRON_SECRET = "demo-cron-secret-of-this-machine-only"

# Gone with the last test.
_folder = tempfile.TemporaryDirectory(prefix="latchkey-secrets-")


def with_secrets(text):
    """The text, with files of secrets that are there."""
    folder = pathlib.Path(_folder.name)
    for name, secret in SECRETS.items():
        (folder / name).write_text(secret + "\n")
        (folder / name).chmod(0o600)
    return text.replace("var/demo/secrets/", f"{folder}/")


def realm_of_demo(name):
    """The lines below its name, but for what is served over HTTP and what passwords cost."""
    realm = re.search(rf"^  {name}:\n((?:    .*\n|\n)*)", DEMO.read_text(), re.M)[1]
    realm = re.sub(r"^    http:\n(?:      .*\n)*", "", realm, flags=re.M)
    return with_secrets(re.sub(r"^    passwords:.*\n", "", realm, flags=re.M).rstrip() + "\n")
