# SPDX-License-Identifier: MIT
"""InCRM, whole, served by latchkeyd itself."""

import unittest

import incrm_claims
import incrm_origins
import incrm_rows
import incrm_running
from incrm import InDaemon, tests_of


def load_tests(loader, standard_tests, pattern):
    return tests_of(loader, InDaemon, incrm_claims, incrm_origins, incrm_rows, incrm_running)


if __name__ == "__main__":
    unittest.main()
