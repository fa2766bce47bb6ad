#!/usr/bin/env bash
# build.sh [DIR]: builds a folder (default: bin/gpucheck) with the command, the PyTorch program for kernels and run.sh, which checks a machine with a
# GPU. That machine needs only the Vulkan loader, glibc and bash.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:-bin/gpucheck}
mkdir -p "$out"
out=$(cd "$out" && pwd)
go build -trimpath -buildvcs=auto -ldflags='-s -w' -o "$out/marr" ./tools/marr
cp bench/peers/torch_kernels.py tools/gpucheck/run.sh tools/gpucheck/README.md "$out"
echo "gpucheck: $out: copy this folder to the machine and run $(basename "$out")/run.sh OUT"
