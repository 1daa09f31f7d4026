#!/usr/bin/env bash
# The training step and the embedding beside the same network in PyTorch, in turn, as ratios.
#   bash launch/compare_pytorch.sh [flags of benchmarks/against_pytorch.py, such as --clips=32]
# Takes the environment in VENV (default: .venv in the checkout; made if it is not there) and
# installs PyTorch into it if it has none: on a machine with an NVIDIA GPU choose the one you want
# beforehand, and `pip install -e '.[cuda]'`. Several GPUs: CUDA_VISIBLE_DEVICES=0.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
[ -x "$venv/bin/cosam-jax" ] || make_environment ""
"$venv/bin/python" -c "import torch" 2>/dev/null || "$venv/bin/python" -m pip install --quiet torch
exec "$venv/bin/python" "$checkout/benchmarks/against_pytorch.py" "$@"
