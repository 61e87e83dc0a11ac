# SPDX-License-Identifier: MIT
"""BasicsOS CRM served by latchkey-bridge, in front of a latchkeyd over TCP."""

import unittest

import basicsos_claims
from basicsos import OverTcp
from incrm import tests_of


def load_tests(loader, standard_tests, pattern):
    return tests_of(loader, OverTcp, basicsos_claims)


if __name__ == "__main__":
    unittest.main()
