# SPDX-License-Identifier: MIT
"""BrikSync served by latchkey-bridge, in front of a latchkeyd over TCP."""

import unittest

import briksync_claims
from briksync import OverTcp
from incrm import tests_of


def load_tests(loader, standard_tests, pattern):
    return tests_of(loader, OverTcp, briksync_claims)


if __name__ == "__main__":
    unittest.main()
