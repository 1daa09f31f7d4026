#!/usr/bin/env bash
# The embedding beside onnxruntime and OpenVINO on the same network, in turn, as ratios.
#   bash launch/compare_runtimes.sh [flags of benchmarks/runtimes.py, such as --clips=32]
# Takes the environment in VENV (default: .venv in the checkout; made if it is not there) and
# installs the exporter and the two runtimes into it if any is missing. --help lists the flags, and
# installs nothing.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
answer_help "$checkout/benchmarks/runtimes.py" "$@"
[ -x "$venv/bin/cosam-jax" ] || make_environment "[export]"
if ! "$venv/bin/python" -c "import jax2onnx, onnxruntime, openvino" 2>/dev/null; then
  echo "installing the exporter, onnxruntime and OpenVINO into $venv (some minutes, no output)" >&2
  "$venv/bin/python" -m pip install --quiet --editable "${checkout}[export]" openvino
fi
exec "$venv/bin/python" "$checkout/benchmarks/runtimes.py" "$@"
