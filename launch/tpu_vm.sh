#!/usr/bin/env bash
# Copies this checkout to all workers of a TPU VM slice, installs it, and runs one command there.
#   bash launch/tpu_vm.sh NAME ZONE --config=configs/mars.py --data_dir=/mnt/mars --workdir=/mnt/runs/mars
# Data and workdir lie on a disk that all workers have mounted (Filestore, or a bucket by gcsfuse).
# Needs gcloud with rights to the slice. Repeat it after a stop or a preemption: it continues.
#
# NOT RUN: there was no TPU where this was written; the script was run with a stand-in for gcloud.
set -euo pipefail
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ $# -lt 3 ] || [ "${1#--}" != "$1" ] || [ "${2#--}" != "$2" ]; then
  echo "error: bash launch/tpu_vm.sh NAME ZONE --config=... --data_dir=... --workdir=..." >&2
  exit 2
fi
name=$1 zone=$2
shift 2
remote() {
  gcloud compute tpus tpu-vm ssh "$name" --zone="$zone" --worker=all --command="$1"
}

archive=$(mktemp -d)/cosam_jax.tar.gz
trap 'rm -rf "$(dirname "$archive")"' EXIT
# Packs the present state of the files that git tracks: no data, runs or environments.
git -C "$checkout" ls-files -z | tar -C "$checkout" --null -T - -czf "$archive"
gcloud compute tpus tpu-vm scp "$archive" "$name:" --zone="$zone" --worker=all
remote "mkdir -p cosam_jax && tar -xzf cosam_jax.tar.gz -C cosam_jax && cd cosam_jax && \
{ [ -x .venv/bin/python ] || python3 -m venv .venv; } && \
.venv/bin/python -m pip install --quiet --editable '.[train,tpu]'"
remote "cd cosam_jax && .venv/bin/python -m cosam_jax.main $(printf '%q ' "$@")--hosts=tpu"
