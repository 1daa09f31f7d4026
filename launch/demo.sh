#!/usr/bin/env bash
# From nothing to a trained and evaluated COSAM network on drawn video: makes a virtual environment,
# installs the package (one to three minutes without output), trains and evaluates
# configs/synthetic.py. Needs Python 3.11+ and a package index; no data.
#   bash launch/demo.sh [WORKDIR] [more flags of cosam_jax.main]
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
workdir=$checkout/runs/demo
if [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; then
  workdir=$1
  shift
fi
make_environment "[train]"
"$venv/bin/python" -m cosam_jax.main \
  --config="$checkout/configs/synthetic.py" \
  --data_dir="$checkout/runs/synthetic_data" \
  --workdir="$workdir" "$@"
