#!/usr/bin/env bash
# Sourced by other scripts: makes a virtual environment for this checkout, with the package in it.
#   VENV    where it lies (default: .venv in the checkout)
#   PYTHON  which Python makes it (default: python3; 3.11 or newer)

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${VENV:-$checkout/.venv}
python=${PYTHON:-python3}

# make_environment EXTRAS: creates or updates the environment; EXTRAS such as [dev], or nothing.
# pip prints nothing, so a first installation is announced. The file `installed` lists past ones.
make_environment() {
  if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "error: $python is $("$python" --version 2>&1): Python 3.11 or newer is needed; name one with PYTHON=..." >&2
    return 2
  fi
  if ! grep -qsxF "cosam_jax$1" "$venv/installed"; then
    echo "installing into $venv (one to three minutes, no output)" >&2
  fi
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --quiet --upgrade pip
  "$venv/bin/python" -m pip install --quiet --quiet --editable "$checkout$1"
  grep -qsxF "cosam_jax$1" "$venv/installed" || echo "cosam_jax$1" >> "$venv/installed"
}

# answer_help SCRIPT FLAGS...: prints a script's help and ends if a flag asks for it; installs nothing.
answer_help() {
  local script=$1 flag
  shift
  for flag in "$@"; do
    case $flag in -h | --help) exec "$python" "$script" --help ;; esac
  done
}
