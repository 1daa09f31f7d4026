#!/usr/bin/env bash
# Tests of models, evaluation and export on the newest Python at hand, if that is newer than 3.11.
#   bash launch/newest_python.sh        # an environment of its own, removed afterwards
# Looks for python3.13 and python3.12 in PATH and among pyenv's; says so if there is none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Prints the newest one that starts.
newest_python() {
  local version candidate
  for version in 3.13 3.12; do  # TensorFlow has no wheels for later ones.
    for candidate in "$(command -v "python$version" || true)" \
      "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*/bin/python; do
      if [ -x "$candidate" ] \
        && [ "$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null)" = "$version" ]; then
        echo "$candidate"
        return
      fi
    done
  done
}

python=$(newest_python)
if [ -z "$python" ]; then
  echo "no Python newer than 3.11 is at hand: its tests are left out"
  exit 0
fi
echo "tests on $("$python" --version), $python"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"$python" -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --editable "${PWD}[export]" \
  'pytest>=8' 'pytest-xdist>=3.6' 'hypothesis>=6.100'
# The checkout's code, and not the installed copy, which is there for what it needs.
export PYTHONPATH=$PWD
# Those that jax, flax, numpy and TensorFlow have most to do with; all of them would take longer.
"$place/venv/bin/python" -m pytest -n 2 --dist loadfile -rs \
  tests/models/test_{cosam,reid,resample,interop,weight_files,saved_contents,golden_forward}.py \
  tests/evaluation/test_{embed,embeddings,mask_numbers,protocol,retrieval,search}.py tests/commands/export/test_mode.py
"$place/venv/bin/python" -m pytest tests/commands/export/test_mode.py -m slow -k clips
