# SPDX-License-Identifier: MIT
"""OmniCRM served by latchkey-bridge, which reaches latchkeyd over TCP with a service key."""

import unittest

import omnicrm_claims
import omnicrm_rows
from incrm import tests_of
from omnicrm import OmnicrmTest, OverTcp


class NoKey(OmnicrmTest):
    class system_class(OverTcp):
        scopes = ()

    def test_a_service_key_without_rights_is_the_bridges_fault_and_no_callers(self):
        email = self.create_user()["email"]
        self.assert_error(self.log_in(email), "temporarily_unavailable")
        self.assert_error(self.refresh("x"), "temporarily_unavailable")


def load_tests(loader, standard_tests, pattern):
    suite = tests_of(loader, OverTcp, omnicrm_claims, omnicrm_rows)
    suite.addTests(standard_tests)
    return suite


if __name__ == "__main__":
    unittest.main()
