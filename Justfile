# SPDX-License-Identifier: MIT
# What one does with this repository. `./justw RECIPE` works without just being installed.

set shell := ["bash", "-euo", "pipefail", "-c"]

# Lists the recipes
[private]
default:
    @just --list --unsorted

# Builds, starts a daemon on demo data, and walks through the life of a key (--once: then stops)
[no-exit-message]
run *args: build
    @scripts/demo.sh {{ args }}

# Builds with warnings and runs every test; ends with "N passed, N failed"
[no-exit-message]
test: build
    @scripts/ctest.sh --preset release -j2

# Runs every claim of the documented systems and prints what is kept (--json; names of systems)
[no-exit-message]
systems *args: build
    @/usr/bin/python3 -B scripts/systems.py {{ args }}

# Installs the Debian packages that are missing (packages.txt says which and why)
install:
    @scripts/install.sh

# Builds into build/PRESET: release, debug, asan, tsan, fuzz, coverage, ci-gcc or ci-clang
build preset="release": install
    @cmake --preset {{ preset }} --log-level=WARNING >/dev/null
    @cmake --build --preset {{ preset }} -- --quiet

# Checks the house rules: layers, banned calls, sizes, formatting, scripts
[no-exit-message]
lint: build
    @scripts/ctest.sh --preset release -L lint -j2

# Formats all hand-written C
fmt:
    @find proto config server client gen tests bench -name '*.[ch]' -not -name '*.rpc.[ch]' \
        -exec clang-format -i {} +

# Generates the committed files below gen/latchkey anew
gen: build
    @gen/update.sh build/release

# Runs the tests under the address and undefined-behaviour sanitizers
[no-exit-message]
asan: (build "asan")
    @scripts/ctest.sh --preset asan -j2

# Runs the tests that use threads under the thread sanitizer
[no-exit-message]
tsan: (build "tsan")
    @scripts/ctest.sh --preset tsan -j2

# Runs each fuzz target for so many seconds on its corpus
[no-exit-message]
fuzz seconds="60": (build "fuzz")
    @scripts/fuzz.sh {{ seconds }}

# Shows that the tests and the corpus of the HTTP parser take all its branches
[no-exit-message]
coverage: (build "coverage")
    @scripts/coverage.sh

# Measures verification; see bench/README.md for the arguments
bench *args: build
    @build/release/latchkey-bench {{ args }}

# Runs the long campaigns: from revocation, crash and effect to crowd and connections
campaigns: build
    @build/release/tests/campaign_revocation build/release 1000000
    @build/release/tests/campaign_crash build/release 200
    @build/release/tests/campaign_effect build/release 1000
    @build/release/tests/campaign_refresh build/release 10000
    @build/release/tests/campaign_guessing build/release 10000
    @LATCHKEY_BUILD=build/release /usr/bin/python3 tests/campaigns/storm.py 20000 3
    @LATCHKEY_BUILD=build/release /usr/bin/python3 tests/campaigns/listener.py 10000
    @LATCHKEY_BUILD=build/release /usr/bin/python3 tests/campaigns/crowd.py
    @LATCHKEY_BUILD=build/release /usr/bin/python3 tests/campaigns/connections.py 10000 4000

# Runs what CI runs
[no-exit-message]
ci:
    @.ci/run
