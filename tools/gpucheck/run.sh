#!/usr/bin/env bash
# run.sh [--small] [OUT]: measures and checks a machine with a GPU in at most nine minutes, without a network (README.md). The folder OUT (default:
# gpucheck-out) gets the JSON and the output of each part, summary.txt, and all of it in one archive, gpucheck.tar.gz. A part that exceeds its time is
# stopped and keeps its results so far; the other parts still run. --small: sizes for a CPU device. Exit status: 0 every part passed, 1 a part failed,
# 2 wrong command line.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
small=0
if [ "${1:-}" = --small ]; then small=1; shift; fi
if [ $# -gt 1 ] || [[ ${1:-} == -* ]]; then echo "gpucheck: $*: want run.sh [--small] [OUT]" >&2; exit 2; fi
out=${1:-gpucheck-out}
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 1
rm -rf "$out"/run "$out"/cache "$out"/*.json "$out"/*.txt "$out"/gpucheck.tar.gz
end=$((SECONDS + ${GPUCHECK_SECONDS:-520})) # for all parts; nine minutes minus the time to stop them
status=0
export MARR_CACHE=$out/cache # all parts share compiled kernels and tuning results, and start without any

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
	*) say "$name: FAILED with status $code: $(grep -m 1 '^marr: ' "$out/$name.txt" || tail -n 1 "$out/$name.txt")" ;;
	esac
	status=1
	return $code
}

# finish ends the run: the archive has everything but checkpoints and compiled kernels.
finish() {
	verdict="every part passed"
	[ $status = 0 ] || verdict="a part failed"
	say "gpucheck: $verdict, $SECONDS s; everything is in $out/gpucheck.tar.gz"
	mv "$out"/cache/tune-*.json "$out" 2>/dev/null
	rm -rf "$out"/run/*.ckpt "$out"/cache
	shopt -s nullglob
	cd "$out" && tar -czf gpucheck.tar.gz ./*.json ./*.txt ./run*
	exit $status
}

# The rows of the kernels that decide the speed of a step, at sizes that fill a large GPU; the others come later.
first='^(matmul|linear|conv: resnet18)'
rest='^(attention|conv: (resnet50|narrow)|depthwise|elementwise|once)'
step=(--arch resnet18 --batch 512 --steps 20)
rows=()
declare -A limits=([kernels]=90 [torch]=40 [step]=140 [check]=100 [data]=50)
train=(--data builtin:fashion-placed --method simclr --batch 256 --epochs 3)
if [ $small = 1 ]; then
	step=(--arch resnet10 --width 8 --batch 16 --steps 3)
	first='matmul|conv: narrow'
	rest='once'
	rows=(--runs 3)
	limits=([kernels]=90 [torch]=40 [step]=90 [check]=250 [data]=200) # two cores share the work of host and device
	train=(--data builtin:fashion-placed:test --method simclr --arch resnet10 --width 8 --batch 256 --epochs 1)
fi

cd "$here" || exit 1
part devices 20 ./marr devices --json "$out/devices.json" || finish # without a device nothing else can run
peer=()
for python in python3 /usr/bin/python3; do
	if why=$("$python" -c 'import torch' 2>&1); then
		peer=(--peer --python "$python")
		break
	fi
done
[ ${#peer[@]} -gt 0 ] || say "PyTorch: skipped: ${why##*$'\n'}"
part kernels "${limits[kernels]}" ./marr bench kernels --filter "$first" "${rows[@]}" --json "$out/kernels.json"
if [ ${#peer[@]} -gt 0 ] && [ -s "$out/kernels.json" ]; then
	part kernels-torch "${limits[torch]}" "$python" -u torch_kernels.py "$out/kernels.json"
fi
part step "${limits[step]}" ./marr bench step "${step[@]}" "${peer[@]}" --json "$out/step.json"
part step-mixed 60 ./marr bench step "${step[@]}" --precision mixed --json "$out/step-mixed.json"
part check "${limits[check]}" ./marr devices --check --json "$out/check.json"
grep -E '^(ops|training|rates|FAILED|result) ' "$out/check.txt" 2>/dev/null | sed 's/^/   /' | tee -a "$out/summary.txt"
part step-unfused 40 env MARR_KERNELS=unfused ./marr bench step "${step[@]}" --json "$out/step-unfused.json" --against "$out/step.json"
part kernels-rest "${limits[kernels]}" ./marr bench kernels --filter "$rest" "${rows[@]}" --json "$out/kernels-rest.json"
part data "${limits[data]}" ./marr bench data "${peer[@]}" --json "$out/data.json"
part training 90 ./marr pretrain --out "$out/run" "${train[@]}"
finish
