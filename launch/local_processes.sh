#!/usr/bin/env bash
# Runs N processes on this machine as they would run on N hosts, each with its share of the work.
#   bash launch/local_processes.sh N --config=configs/synthetic.py --workdir=runs/two [more flags]
# With GPUs, each process gets one. Without GPUs, N processes on the CPU are joined by loopback.
# The first process prints here; the others write to LOGS (default: WORKDIR or ., logs/process_I.log).
# Ends with the first status that is not 0, also 75 after SIGTERM, SIGHUP, SIGUSR1 or Ctrl-C: the same
# command goes on.
#   VENV  the environment with the package (default: .venv in the checkout).  Needs bash 5.1.
set -euo pipefail
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${VENV:-$checkout/.venv}/bin/python
if ! [[ ${1:-} =~ ^[1-9][0-9]*$ ]]; then
  echo "error: how many processes? bash launch/local_processes.sh N --config=... --workdir=..." >&2
  exit 2
fi
count=$1
shift
logs=${LOGS:-}
for argument in "$@"; do
  case $argument in --workdir=*) logs=${logs:-${argument#--workdir=}/logs} ;; esac
done
logs=${logs:-logs}
mkdir -p "$logs"
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("localhost", 0)); print(s.getsockname()[1])')
gpus=0
if command -v nvidia-smi > /dev/null; then
  gpus=$(nvidia-smi --list-gpus 2> /dev/null | grep -c ^GPU || true)
fi
if [ "$gpus" -gt 0 ] && [ "$gpus" -lt "$count" ]; then
  echo "error: $count processes and $gpus GPUs: each process needs one, so ask for at most $gpus" >&2
  exit 2
fi

declare -A running=()
stop() {
  kill "-$1" "${!running[@]}" 2> /dev/null || true
}
trap 'stop TERM' TERM INT HUP USR1
for ((i = 0; i < count; i++)); do
  if [ "$gpus" -gt 0 ]; then
    export CUDA_VISIBLE_DEVICES=$i
  fi
  output=$logs/process_$i.log
  if [ "$i" = 0 ]; then
    output=/dev/stdout
  fi
  "$python" -m cosam_jax.main "$@" --coordinator_address="localhost:$port" \
    --num_processes="$count" --process_id="$i" >> "$output" 2>&1 &
  running[$!]=$i
done

status=0
while [ ${#running[@]} -gt 0 ]; do
  code=0 ended=
  # A signal ends the wait too, and then no process has ended.
  wait -n -p ended "${!running[@]}" || code=$?
  if [ -z "${ended:-}" ]; then
    continue
  fi
  if [ "$code" != 0 ] && [ "$status" = 0 ]; then
    status=$code
    echo "process ${running[$ended]} of $count ended with status $code" >&2
    # An error of all ends all at once; a process that waits for an ended one is killed in the end.
    (
      sleep "${PATIENCE:-60}"
      stop KILL
    ) > /dev/null 2>&1 &
    killer=$!
  fi
  unset "running[$ended]"
done
if [ -n "${killer:-}" ]; then
  kill "$killer" 2> /dev/null || true
fi
exit "$status"
