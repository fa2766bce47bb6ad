#!/usr/bin/env bash
# build.sh [DIR]: the bundle that run.sh checks a GPU with: the command, the tests of the kernels and the script itself, in one folder that needs
# nothing but the Vulkan loader, glibc and bash where it goes. Default: bin/gpucheck.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:-bin/gpucheck}
mkdir -p "$out"
out=$(cd "$out" && pwd)
go build -trimpath -buildvcs=auto -o "$out/marr" ./tools/marr
go test -c -trimpath -o "$out/kernels.test" ./kernels
rm -rf "${out:?}/testdata"
cp -r kernels/testdata "$out/testdata" # the tests run in the bundle's folder
cp tools/gpucheck/run.sh "$out/run.sh"
echo "gpucheck: $out: copy it to the machine and start $(basename "$out")/run.sh OUT"
