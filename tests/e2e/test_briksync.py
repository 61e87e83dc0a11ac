# SPDX-License-Identifier: MIT
"""BrikSync served by latchkeyd itself."""

import unittest

import briksync_claims
from briksync import InDaemon
from incrm import tests_of


def load_tests(loader, standard_tests, pattern):
    return tests_of(loader, InDaemon, briksync_claims)


if __name__ == "__main__":
    unittest.main()
