# SPDX-License-Identifier: MIT
"""Basics Gateway served by latchkeyd itself."""

import unittest

import gateway_claims
from gateway import InDaemon
from incrm import tests_of


def load_tests(loader, standard_tests, pattern):
    return tests_of(loader, InDaemon, gateway_claims)


if __name__ == "__main__":
    unittest.main()
