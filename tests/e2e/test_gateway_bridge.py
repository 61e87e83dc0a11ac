# SPDX-License-Identifier: MIT
"""Basics Gateway served by latchkey-bridge, in front of a latchkeyd over TCP."""

import unittest

import gateway_claims
from gateway import OverTcp
from incrm import tests_of


def load_tests(loader, standard_tests, pattern):
    return tests_of(loader, OverTcp, gateway_claims)


if __name__ == "__main__":
    unittest.main()
