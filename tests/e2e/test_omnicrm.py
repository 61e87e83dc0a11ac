# SPDX-License-Identifier: MIT
"""OmniCRM served by latchkeyd itself."""

import unittest

import omnicrm_claims
import omnicrm_rows
from incrm import tests_of
from omnicrm import InDaemon


def load_tests(loader, standard_tests, pattern):
    return tests_of(loader, InDaemon, omnicrm_claims, omnicrm_rows)


if __name__ == "__main__":
    unittest.main()
