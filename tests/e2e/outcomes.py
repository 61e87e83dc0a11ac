#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""outcomes.py MODULE: runs the tests of a module of this directory, and prints a line
`<outcome> <test>` for each as it ends: ok, FAILED or skipped."""

import importlib
import sys
import unittest


class Outcomes(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        self.outcome = "ok"

    def addError(self, test, error):
        super().addError(test, error)
        self.outcome = "FAILED"
        # Of a whole class, whose tests then do not run.
        if not hasattr(test, "_testMethodName"):
            print(f"FAILED {test.id()}", flush=True)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.outcome = "FAILED"

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.outcome = "FAILED"

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.outcome = "skipped"

    def stopTest(self, test):
        super().stopTest(test)
        print(f"{self.outcome} {test.id().rpartition('.')[2]}", flush=True)


def main():
    module = importlib.import_module(sys.argv[1])
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    result = Outcomes()
    suite.run(result)
    for _, trace in result.errors + result.failures:
        print(trace, file=sys.stderr)
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
