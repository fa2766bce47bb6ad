# make demo   install what is missing, build, run the whole workflow on the embedded images
# make test   install what is missing, run every test (at most 3 minutes on two idle cores after installation)
# make check  the slow checks: long trainings, races, Vulkan validation, garbage collector, kernel variants, libjpeg-turbo (under 30 minutes)
# make build  ./marr        make shaders  recompile changed shaders        make lint  format and vet        make slowest  the slowest tests
# make shaderstats  registers, spills and inner loops on the GPUs of five vendors, in bench/shaderstats.md (Debian 12; no GPU; slow the first time)
# make conformance  every op and method on the Vulkan implementations that need no GPU, in vk/CONFORMANCE.md (Debian 12; an hour on two cores)
# make exports  exported files in programs that others wrote, in export/README.md (Debian 12; five minutes on two cores)
# make check-matrices  kernels of matrix units on Debian sid's lavapipe, in tools/setup/sid.sh (not part of make check)
# make cross  the command for Linux, Windows and macOS, or for TARGETS, in bin        make check-wine[-command]  tests of the Windows build under Wine (Debian 12; ten minutes)
# make release  archives, Debian packages and checksums of the commit, in bin/release        make check-release  installs and compares them (Debian 12, root; 15 minutes)
# make check-arm64  tests of the build for arm64 under qemu (Debian 12; an hour on two cores)
# make gpucheck  bin/gpucheck, a folder that checks a machine with a GPU (bin/gpucheck/run.sh)        make results  the tables of bench/RESULTS.md

GO ?= go
# make test vets the whole module before.
TEST = $(GO) test -p 1 -count=1 -timeout 20m -vet=off
# Without long trainings, which make check-long runs once.
SHORT = $(TEST) -short

# Packages that use a device, and those with goroutines for the race detector.
DEVICE = ./vk/... ./kernels/... ./net/... ./ssl/...
RACE = ./vk/... ./kernels/... ./net/... ./ssl/... ./export/... ./tools/...

# Environments in which the device tests run again. Each forces what the default would not choose: 128 and 512 bits give lavapipe subgroups of
# 4 and 16 lanes (other drivers ignore the variable), plain reads through storage buffers, tiled runs the kernels of GPUs, eager runs op by op
# with a scan for NaN, poison fills memory with NaN first. Packed kernels are for mixed precision alone.
VARIANTS = LP_NATIVE_VECTOR_WIDTH=128 LP_NATIVE_VECTOR_WIDTH=512 MARR_KERNELS=plain MARR_KERNELS=texel,tiled MARR_EAGER=1 MARR_POISON=1
VARIED = ./kernels/ ./net/ ./ssl/ ./ssl/train/ ./ssl/run/ ./ssl/eval/

.PHONY: demo test check build shaders shaderstats conformance exports gpucheck results lint setup check-long check-race check-validation check-gc check-variants check-turbo check-matrices check-wine check-wine-command cross release check-release slowest

demo: setup build
	@./marr demo

build:
	@$(GO) build -trimpath -o marr ./tools/marr

setup:
	@tools/setup/setup.sh

test: setup
	@tools/setup/ort.sh
	$(GO) vet ./...
	$(SHORT) ./...

check:
	@tools/setup/setup.sh check
	@$(MAKE) --no-print-directory check-long check-race check-validation check-gc check-variants check-turbo

check-long:
	$(TEST) ./bench/ ./shaders/ ./ssl/ranks/mpi/ ./ssl/run/ ./ssl/train/ ./ssl/report/page/ ./tools/marr/ ./tools/release/

check-race:
	$(SHORT) -race $(RACE)

# Package vk turns every message of the validation layer into an error.
check-validation:
	MARR_VALIDATION=1 $(SHORT) $(DEVICE)

# Frequent garbage collection, and freed C memory filled with garbage: finds arguments that Go frees too early.
check-gc:
	GOGC=1 MALLOC_PERTURB_=165 $(TEST) ./vk/... ./kernels/...

check-variants:
	@set -e; for v in $(VARIANTS); do echo "$$v $(SHORT) $(VARIED)"; env "$$v" $(SHORT) $(VARIED); done
	MARR_KERNELS=packed $(TEST) -run 'Mixed' ./ssl/

# JPEG files through libjpeg-turbo.
check-turbo:
	$(GO) vet -tags turbo ./ssl/data/...
	$(TEST) -tags turbo ./ssl/data/...

# Kernels of matrix units, on the lavapipe of Debian sid (tools/setup/sid.sh).
check-matrices:
	MARR_KERNELS=coop $(TEST) -exec "$(CURDIR)/tools/setup/sid.sh" -run 'Halves|Mixed|Matri' ./kernels/ ./ssl/

# The tests of the Windows build, on the Vulkan driver of this system. check-wine-command runs those of the command that concern the system: signals,
# resumed runs, files and messages. Wine 8 fails now and then to start one of their many processes.
WINEFILES = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/marr/wine
WINE = CGO_ENABLED=1 GOOS=windows GOARCH=amd64 CC=x86_64-w64-mingw32-gcc $(SHORT) -exec "$(CURDIR)/tools/setup/wine.sh" -overlay "$(WINEFILES)/overlay.json"

check-wine:
	@tools/setup/wine.sh
	$(WINE) ./vk/... ./kernels/... ./net/... ./ssl/... ./export/...

check-wine-command:
	@tools/setup/wine.sh
	$(WINE) -run 'Signal|KilledRun|TwoRuns|BadInput|Escaped|NoFile|Quoted' -skip FineTuning ./tools/marr/

# Tests of the build for arm64 under qemu, on lavapipe, which compiles shaders slowly there, and products that the compiler would fuse (package kernels/exact).
ARM64 = CGO_ENABLED=1 GOOS=linux GOARCH=arm64 CC=aarch64-linux-gnu-gcc $(GO) test -p 1 -count=1 -timeout 2h -short -exec "$(CURDIR)/tools/setup/arm64.sh"
EXACT = ./kernels ./kernels/exact ./kernels/rng ./net ./ssl ./ssl/data/... ./ssl/train ./ssl/views

check-arm64:
	@tools/setup/arm64.sh
	@tools/cross/fused.sh $(EXACT)
	$(ARM64) ./vk ./kernels/exact ./kernels/rng ./ssl/views ./net
	$(ARM64) -run 'Fingerprint|Placed' ./ssl/data
	$(ARM64) -run 'TestOps' ./kernels
	$(ARM64) ./ssl

cross:
	@tools/setup/cross.sh $(TARGETS)
	@tools/cross/build.sh $(TARGETS)

# Built from a clone of the commit that is checked out.
release:
	@tools/setup/cross.sh linux-arm64 windows-amd64
	@$(GO) run ./tools/release

check-release: release
	@tools/release/check.sh $(PARTS)

gpucheck: setup
	@tools/gpucheck/build.sh

# The text above the mark is written by hand, the tables below it are made from the JSON files.
results: build
	@sed '/^<!-- tables/q' bench/RESULTS.md >bench/RESULTS.new
	@./marr bench table bench/results/*.json >>bench/RESULTS.new
	@mv bench/RESULTS.new bench/RESULTS.md

slowest:
	@$(SHORT) -json ./... | $(GO) run ./tools/slowest

# Debian 12's glslc lacks cooperative matrices and dot products of halves.
shaders:
	@MARR_GLSLC="$(CURDIR)/tools/setup/sid.sh glslc" $(GO) run ./tools/mkshaders

conformance: setup
	@tools/setup/implementations.sh | $(GO) run ./tools/conformance --out vk/CONFORMANCE.md

exports: setup
	@tools/setup/ort.sh
	@set -e; packages=$$(tools/setup/exports.sh); $(GO) run ./tools/exports --packages "$$packages" --out export/README.md

shaderstats: setup
	@set -e; driver=$$(tools/setup/mesa.sh); $(GO) run ./tools/shaderstats --out bench/shaderstats.md $$driver

lint:
	@bad=$$(gofmt -l .); if [ -n "$$bad" ]; then echo "lint: not formatted: $$bad: run gofmt -w" >&2; exit 1; fi
	$(GO) vet ./...
	@if command -v staticcheck >/dev/null; then staticcheck ./...; else echo "lint: staticcheck is not installed: skipped"; fi
