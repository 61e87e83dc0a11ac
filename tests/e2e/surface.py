# SPDX-License-Identifier: MIT
"""What tests of a surface begin with: a system that serves its realms, and its calls."""

import itertools
import unittest

from rest import Web


class SurfaceTest(unittest.TestCase):
    """One system for all tests of a class; each test has people of its own."""

    surface = None        # also the name of its first realm
    system_class = None
    bare_realms = ()      # without a surface
    numbers = itertools.count(1)

    @classmethod
    def setUpClass(cls):
        cls.system = cls.system_class()
        cls.addClassCleanup(cls.system.clean_up)
        cls.system.start()
        cls.daemon = cls.system.daemon
        cls.webs = {realm: Web(port, surface=cls.surface if realm not in cls.bare_realms else None)
                    for realm, port in cls.system.ports.of.items()}
        cls.web = cls.webs[cls.surface]

    def call(self, method, **request):
        done = self.daemon.call(method, {"realm": self.surface, **request})
        self.assertEqual(done.code, 0, done.err)
        return done.json
