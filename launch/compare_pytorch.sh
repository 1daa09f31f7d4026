#!/usr/bin/env bash
# Times the training step and the embedding in turn with PyTorch, on the same network, as ratios.
#   bash launch/compare_pytorch.sh [flags of benchmarks/against_pytorch.py, such as --clips=32]
# Uses the environment in VENV (default: .venv in the checkout; made if it is not there), and
# installs PyTorch into it if it has none: up to 8 GB on Linux, with CUDA's libraries. On a machine
# without an NVIDIA GPU, PyTorch's smaller build for CPUs is enough: install it beforehand. On one
# with a GPU, install the PyTorch that you want beforehand, and `pip install -e '.[train,cuda]'`.
# Several GPUs: CUDA_VISIBLE_DEVICES=0. --help lists the flags, and installs nothing.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
answer_help "$checkout/benchmarks/against_pytorch.py" "$@"
[ -x "$venv/bin/cosam-jax" ] || make_environment "[train]"
if ! "$venv/bin/python" -c "import torch" 2>/dev/null; then
  echo "installing PyTorch into $venv (up to 8 GB on Linux, some minutes, no output);" \
    "to have another build, such as the smaller one for CPUs, stop this with Ctrl-C and install it there first" >&2
  "$venv/bin/python" -m pip install --quiet torch
fi
exec "$venv/bin/python" "$checkout/benchmarks/against_pytorch.py" "$@"
