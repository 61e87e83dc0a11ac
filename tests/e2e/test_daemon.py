# SPDX-License-Identifier: MIT
"""latchkeyd as its operator meets it: start, refusal to start, reload, stop, full disk."""

import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import unittest
from contextlib import suppress

from harness import BUILD, REALMS, Daemon, DaemonTest


class Start(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.clean_up)

    def run_once(self, *words):
        return subprocess.run(
            [BUILD / "latchkeyd", *words], capture_output=True, text=True, timeout=60
        )

    def start_refused(self, code, text):
        self.daemon.spawn()
        self.assertEqual(self.daemon.process.wait(timeout=60), code, self.daemon.log.read_text())
        self.assertIn(text, self.daemon.log.read_text())

    def test_a_wrong_flag_is_named(self):
        done = self.run_once("--colour")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--colour", done.stderr)
        self.assertIn("--config", self.run_once().stderr)

    def test_the_configuration_can_be_checked_without_starting(self):
        self.assertEqual(self.run_once("--check", "--config", self.daemon.config).returncode, 0)
        self.daemon.config.write_text("data_dir: d\nlisten: {}\n")
        done = self.run_once("--check", "--config", self.daemon.config)
        self.assertEqual(done.returncode, 3)
        self.assertIn(":2: listen.operator: is missing", done.stderr)

    def test_an_open_data_directory_is_refused(self):
        self.daemon.start().stop()
        for path, text in [("data", "mode 0700"), ("data/store", "part=store")]:
            (self.daemon.directory / path).chmod(0o755)
            self.start_refused(4, text)
            (self.daemon.directory / path).chmod(0o700)

    def test_a_pepper_that_others_can_read_is_refused(self):
        self.daemon.start().stop()
        (self.daemon.directory / "data" / "pepper").chmod(0o644)
        self.start_refused(4, "part=pepper")

    def test_a_missing_pepper_is_not_replaced(self):
        self.daemon.start().stop()
        (self.daemon.directory / "data" / "pepper").unlink()
        self.start_refused(4, "part=pepper")
        self.assertFalse((self.daemon.directory / "data" / "pepper").exists())

    def test_a_damaged_store_is_refused(self):
        self.daemon.start().stop()
        (self.daemon.directory / "data" / "store" / "CURRENT").unlink()
        self.start_refused(4, "part=store")

    def test_plaintext_beyond_the_loopback_is_refused(self):
        text = self.daemon.config.read_text().replace("tcp://127.0.0.1", "tcp://0.0.0.0")
        self.daemon.config.write_text(text)
        self.daemon.spawn()
        self.assertEqual(self.daemon.process.wait(timeout=60), 3)
        self.assertIn("part=listen", self.daemon.log.read_text())

    def test_a_store_that_cannot_be_accessed_is_not_called_an_address(self):
        self.daemon.start().stop()
        state = self.daemon.directory / "data" / "store" / "latchkey.state"
        state.unlink()
        state.mkdir()
        self.start_refused(4, "part=store")

    def test_a_socket_directory_open_to_others_is_an_address_that_cannot_be_bound(self):
        self.daemon.socket.parent.mkdir(mode=0o755)
        self.start_refused(5, "part=listen")


class Running(DaemonTest):
    def test_a_second_instance_on_the_same_data_is_refused(self):
        second = Daemon(directory=self.daemon.directory)
        second.log = self.daemon.directory / "second.log"
        second.spawn()
        self.assertEqual(second.process.wait(timeout=60), 4)
        self.assertEqual(self.daemon.cli("health").code, 0)

    def test_a_second_instance_on_the_same_socket_is_refused(self):
        second = Daemon()
        self.addCleanup(second.clean_up)
        text = second.config.read_text().replace(str(second.socket), str(self.daemon.socket))
        second.config.write_text(text)
        second.spawn()
        self.assertEqual(second.process.wait(timeout=60), 5, second.log.read_text())
        for _ in range(3):
            self.assertEqual(self.daemon.cli("health").code, 0)

    def test_everything_acknowledged_is_there_after_a_restart(self):
        d = self.daemon
        key, secret = d.create_key()
        dead, dead_secret = d.create_key()
        d.call("KeyService/RevokeKey", {"realm": "shop", "id": dead})
        for how in [signal.SIGTERM, signal.SIGKILL]:
            code = d.stop(how)
            self.assertEqual(code, 0 if how == signal.SIGTERM else -signal.SIGKILL)
            d.start()
            self.assertEqual(d.verdict(secret), "allowed")
            self.assertEqual(d.verdict(dead_secret), "REVOKED")

    def test_sigterm_under_load_loses_no_acknowledged_key(self):
        d = self.daemon
        acknowledged = []

        def create():
            while True:
                done = d.call("KeyService/CreateKey", {"realm": "shop", "name": "load"})
                if done.code != 0:
                    return
                acknowledged.append(done.json["secret"])

        threads = [threading.Thread(target=create) for _ in range(4)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 20:
            pass
        self.assertEqual(d.stop(), 0)
        for thread in threads:
            thread.join()
        d.start()
        for secret in acknowledged:
            self.assertEqual(d.verdict(secret), "allowed")

    def test_sighup_puts_new_realms_and_permissions_into_force(self):
        d = self.daemon
        _, narrow = d.create_key(scopes=["orders.read"])
        _, wide = d.create_key(scopes=["*"])
        d.write_config(REALMS.replace("stock.read", "stock.write") + "  club: {}\n")
        d.process.send_signal(signal.SIGHUP)
        while "reloaded" not in d.log.read_text():
            self.assertEqual(d.verdict(narrow, permissions=["orders.read"]), "allowed")
        self.assertEqual(d.verdict(wide, permissions=["stock.write"]), "allowed")
        done = d.call(
            "AuthService/Authenticate",
            {"realm": "shop", "permissions": ["stock.read"], "credentials": []},
        )
        self.assertIn("permissions", done.err)
        _, secret = d.create_key("club")
        self.assertEqual(d.verdict(secret, "club"), "allowed")

    def test_a_broken_configuration_keeps_the_old_one(self):
        d = self.daemon
        _, secret = d.create_key()
        d.config.write_text("realms: [\n")
        d.process.send_signal(signal.SIGHUP)
        while "reload failed" not in d.log.read_text():
            self.assertEqual(d.verdict(secret), "allowed")
        self.assertEqual(d.verdict(secret), "allowed")

    def test_secrets_are_in_no_file_and_no_log(self):
        d = self.daemon
        secrets = [d.create_key(name=f"key {i}")[1] for i in range(20)]
        for secret in secrets:
            d.verdict(secret)
            d.verdict(secret[:-1] + "!")
        d.stop()
        for path in d.directory.rglob("*"):
            if not path.is_file():
                continue
            content = path.read_bytes()
            for secret in secrets:
                # The hint shows the first seven random characters, and nothing more.
                self.assertNotIn(secret[len("shop_") + 8 :].encode(), content, path)

    def test_each_change_and_refusal_is_one_line_of_the_log(self):
        d = self.daemon
        key, _ = d.create_key()
        d.call("KeyService/RevokeKey", {"realm": "shop", "id": key})
        d.cli("key", "list", "--realm", "shop", server=d.tcp)
        log = d.log.read_text()
        for event in ["key created", "key revoked"]:
            self.assertIn(f"info {event} realm=shop key={key} caller=operator", log)
        self.assertIn("warn call refused method=ListKeys", log)


@unittest.skipUnless(os.geteuid() == 0, "mounting a small file system needs root")
class FullDisk(unittest.TestCase):
    """The store on a file system of 256 MiB that somebody fills up."""

    def setUp(self):
        self.disk = pathlib.Path(tempfile.mkdtemp(prefix="latchkey-disk-"))
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256m,mode=0700", "none", self.disk], check=False
        )
        if mounted.returncode != 0:
            self.disk.rmdir()
            self.skipTest("this machine does not let us mount a tmpfs")
        self.addCleanup(self.remove_disk)
        self.daemon = Daemon(directory=self.disk)
        self.addCleanup(self.daemon.clean_up)

    def remove_disk(self):
        subprocess.run(["umount", "-l", self.disk], check=True)
        self.disk.rmdir()

    def fill(self):
        with open(self.disk / "ballast", "wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 4096)

    def test_verification_goes_on_and_revocations_are_felt(self):
        d = self.daemon
        d.start()
        keys = [d.create_key() for _ in range(3)]
        self.fill()
        # The log file of the store has some room left in its last block.
        for _ in range(200):
            done = d.call(
                "KeyService/CreateKey",
                {"realm": "shop", "name": "x", "metadata": {"fill": "y" * 500}},
            )
            if done.code != 0:
                break
        self.assertIn("UNAVAILABLE", done.err)
        self.assertEqual(d.verdict(keys[0][1]), "allowed")
        done = d.call("KeyService/RevokeKey", {"realm": "shop", "id": keys[1][0]})
        self.assertIn("UNAVAILABLE", done.err)
        self.assertEqual(d.verdict(keys[1][1]), "REVOKED")
        self.assertIn("false", d.cli("--json", "health").out)
        self.assertIn(f'error store what="{self.disk}/data/store: cannot write', d.log.read_text())
        # With the disk still full a restart works from the reserve, and writes go on.
        self.assertEqual(d.stop(), 0)
        d.start()
        self.assertEqual(d.verdict(keys[0][1]), "allowed")
        _, secret = d.create_key()
        self.assertEqual(d.verdict(secret), "allowed")


if __name__ == "__main__":
    unittest.main()
