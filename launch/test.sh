#!/usr/bin/env bash
# Makes a virtual environment, installs the package (one to three minutes without output), and runs
# lint, type check and tests. Needs Python 3.11+ and a package index.
#   bash launch/test.sh [pytest arguments, such as -m slow]
# Real frames are tested if ../shared (or the folder in COSAM_SHARED) has them.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
make_environment "[dev]"
cd "$checkout"
"$venv/bin/ruff" check .
"$venv/bin/ruff" format --check .
"$venv/bin/shellcheck" -x launch/*.sh launch/*.sbatch .ci/run
"$venv/bin/mypy"
# Where Python is told to keep no compiled files, each worker and each of the many processes that tests
# start would compile the package and the tests anew.
export PYTHONDONTWRITEBYTECODE=
# Two workers, a file of tests each: much of the time is compilation, which uses one core. In the
# order of conftest.py, which begins with the longest files.
"$venv/bin/python" -m pytest -n 2 --dist loadfile --no-loadscope-reorder "$@"
