# SPDX-License-Identifier: MIT
"""The realms of examples/demo.yaml, for tests that hold it to its word."""

import pathlib
import re
import tempfile

from harness import Daemon, free_port

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


def start_demo(test_class, **changes):
    """A daemon on the configuration of the demo, texts of it changed; and its ports by realm."""
    text = with_secrets(DEMO.read_text())
    text = text[text.index("\nhttp:"):]
    ports = {}

    def moved(match):
        ports[int(match[1])] = free_port()
        return f"127.0.0.1:{ports[int(match[1])]}"

    text = re.sub(r"127\.0\.0\.1:(80\d\d)", moved, text)
    text = re.sub(r"^log:\n(  .*\n)+", "", text, flags=re.M)
    for before, after in changes.items():
        text = text.replace(f"{before}: [", f"{before}: [{after}, ")
    daemon = Daemon(text)
    test_class.addClassCleanup(daemon.clean_up)
    daemon.start()
    realms = ("basicsos", "incrm", "briksync", "gateway", "omnicrm")
    return daemon, {realm: ports[8081 + n] for n, realm in enumerate(realms)}


def realm_of_demo(name):
    """The lines below its name, but for what is served over HTTP and what passwords cost."""
    realm = re.search(rf"^  {name}:\n((?:    .*\n|\n)*)", DEMO.read_text(), re.M)[1]
    realm = re.sub(r"^    http:\n(?:      .*\n)*", "", realm, flags=re.M)
    return with_secrets(re.sub(r"^    passwords:.*\n", "", realm, flags=re.M).rstrip() + "\n")
