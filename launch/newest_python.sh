#!/usr/bin/env bash
# Runs tests of models, evaluation and export on the newest Python here, if it is newer than 3.11.
#   bash launch/newest_python.sh        # an environment of its own, removed afterwards
# Looks for python3.13 and python3.12 in PATH and among pyenv's; if there is none, a line says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Prints the newest Python that starts.
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
  'pytest>=8' 'pytest-xdist>=3.7' 'hypothesis>=6.100'
# Tests the checkout's code, not the installed copy, which was installed for its requirements.
export PYTHONPATH=$PWD
# The tests that depend most on jax, flax, numpy and TensorFlow; all tests would take longer.
"$place/venv/bin/python" -m pytest -n 2 --dist loadfile --no-loadscope-reorder -rs \
  tests/models/test_{cosam,cost_volume,temporal,interop,weight_files,saved_contents,golden_forward}.py \
  tests/evaluation/test_{embed,embeddings,mask_numbers,protocol,retrieval,ranks,search}.py \
  tests/commands/export/test_mode.py
"$place/venv/bin/python" -m pytest tests/commands/export/test_mode.py -m slow -k clips
