#!/usr/bin/env bash
# Times the training step and the embedding in turn with PyTorch, on the same network, as ratios.
#   bash launch/compare_pytorch.sh [flags of benchmarks/against_pytorch.py, such as --clips=32]
# Uses the environment in VENV (default: .venv in the checkout; made if it is not there), and
# installs PyTorch into it if it has none. On a machine with an NVIDIA GPU, install the PyTorch that
# you want beforehand, and `pip install -e '.[train,cuda]'`. Several GPUs: CUDA_VISIBLE_DEVICES=0.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
[ -x "$venv/bin/cosam-jax" ] || make_environment "[train]"
if ! "$venv/bin/python" -c "import torch" 2>/dev/null; then
  echo "installing PyTorch into $venv (some minutes, no output)" >&2
  "$venv/bin/python" -m pip install --quiet torch
fi
exec "$venv/bin/python" "$checkout/benchmarks/against_pytorch.py" "$@"
