#!/usr/bin/env bash
# run.sh [--small] [OUT]: checks a machine with a GPU in at most nine minutes, without a network: the Vulkan devices, the tests of the ops, the bench
# of kernels, ResNet-18 steps at batch 512 (compared with PyTorch if a python3 can import torch), the time of augmentation, a short training. The
# folder OUT (default: gpucheck-out) gets the JSON and the output of each part, and summary.txt. A part that exceeds its time is stopped and keeps
# its results so far; the other parts still run. --small: sizes for a CPU device. Exit status: 0 every part passed, 1 a part failed, 2 wrong
# command line.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
small=0
if [ "${1:-}" = --small ]; then small=1; shift; fi
if [ $# -gt 1 ] || [[ ${1:-} == -* ]]; then echo "gpucheck: $*: want run.sh [--small] [OUT]" >&2; exit 2; fi
out=${1:-gpucheck-out}
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 1
rm -rf "$out"/run "$out"/*.json "$out"/*.txt
end=$((SECONDS + ${GPUCHECK_SECONDS:-520})) # for all parts; nine minutes minus the time to stop them
status=0

say() { echo "$*" | tee -a "$out/summary.txt"; }

# part NAME SECONDS COMMAND...: runs a part for at most SECONDS, or the time left for all parts.
part() {
	local name=$1 limit=$2 start=$SECONDS code=0
	shift 2
	[ "$limit" -le $((end - SECONDS)) ] || limit=$((end - SECONDS))
	if [ "$limit" -lt 1 ]; then
		say "$name: skipped: no time was left"
		status=1
		return
	fi
	timeout -k 5 -s INT "$limit" "$@" >"$out/$name.txt" 2>&1 || code=$?
	case $code in
	0) say "$name: passed in $((SECONDS - start)) s" && return ;;
	124 | 130 | 137) say "$name: stopped after $((SECONDS - start)) s" ;;
	*) say "$name: FAILED with status $code: $(grep -m 1 -e '^--- FAIL' -e '^marr: ' "$out/$name.txt" || tail -n 1 "$out/$name.txt")" ;;
	esac
	status=1
}

step=(--arch resnet18 --batch 512 --steps 20)
rows=()
data_limit=50 # s
train=(--data builtin:fashion-placed --method simclr --batch 256 --epochs 3)
if [ $small = 1 ]; then
	step=(--arch resnet10 --width 8 --batch 16 --steps 3)
	rows=(--filter 'matmul|conv: narrow|once' --runs 3)
	data_limit=200 # two cores share the decoding with the device
	train=(--data builtin:fashion-placed:test --method simclr --arch resnet10 --width 8 --batch 256 --epochs 1)
fi

cd "$here" || exit 1
part devices 20 ./marr devices --json
[ ! -s "$out/devices.txt" ] || cp "$out/devices.txt" "$out/devices.json"
peer=()
for python in python3 /usr/bin/python3; do
	if why=$("$python" -c 'import torch' 2>&1); then
		peer=(--peer --python "$python")
		break
	fi
done
[ ${#peer[@]} -gt 0 ] || say "PyTorch: skipped: ${why##*$'\n'}"
part op-tests 150 ./kernels.test -test.count=1
part bench-kernels 140 ./marr bench kernels "${rows[@]}" --json "$out/kernels.json"
part bench-step 170 ./marr bench step "${step[@]}" "${peer[@]}" --json "$out/step.json"
part bench-step-unfused 60 env MARR_KERNELS=unfused ./marr bench step "${step[@]}" --json "$out/step-unfused.json" --against "$out/step.json"
part bench-data $data_limit ./marr bench data "${peer[@]}" --json "$out/data.json"
part training 90 ./marr pretrain --out "$out/run" "${train[@]}"
rm -f "$out"/run/*.ckpt # hundreds of megabytes, of no further use
verdict="every part passed"
[ $status = 0 ] || verdict="a part failed"
say "gpucheck: $verdict, $SECONDS s; tables are in $out/bench-*.txt, figures in $out/*.json"
exit $status
