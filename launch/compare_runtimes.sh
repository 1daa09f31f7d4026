#!/usr/bin/env bash
# The embedding beside onnxruntime and OpenVINO on the same network, in turn, as ratios.
#   bash launch/compare_runtimes.sh [flags of benchmarks/runtimes.py, such as --clips=32]
# Takes the environment in VENV (default: .venv in the checkout; made if it is not there) and
# installs the exporter and the two runtimes into it if any is missing.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
[ -x "$venv/bin/cosam-jax" ] || make_environment "[export]"
"$venv/bin/python" -c "import jax2onnx, onnxruntime, openvino" 2>/dev/null \
  || "$venv/bin/python" -m pip install --quiet --editable "${checkout}[export]" openvino
exec "$venv/bin/python" "$checkout/benchmarks/runtimes.py" "$@"
