# SPDX-License-Identifier: MIT
"""BasicsOS CRM served by latchkeyd itself."""

import unittest

import basicsos_claims
from basicsos import InDaemon
from incrm import tests_of


def load_tests(loader, standard_tests, pattern):
    return tests_of(loader, InDaemon, basicsos_claims)


if __name__ == "__main__":
    unittest.main()
