# make demo   install what is missing, build, run the whole workflow on the embedded images
# make test   install what is missing, run every test (under 5 minutes after installation)
# make check  the slow checks: races, Vulkan validation, garbage collector, kernel variants, libjpeg-turbo (under 30 minutes)
# make build  ./marr        make shaders  SPIR-V of what changed in shaders/        make lint  format and vet
# make shaderstats  registers, spills and occupancy of every shader on AMD GPUs, to bench/shaderstats.md (Debian 12; no GPU needed)
# make gpucheck  bin/gpucheck, a folder that checks a machine with a GPU: bin/gpucheck/run.sh        make results  the tables of bench/RESULTS.md

GO ?= go
TEST = $(GO) test -p 1 -count=1 -timeout 20m
# Without what trains for long, which make check has once.
AGAIN = $(TEST) -short

# Packages that talk to a device, and those whose goroutines deserve the race detector.
DEVICE = ./vk/... ./kernels/... ./net/... ./ssl/...
RACE = ./vk/... ./kernels/... ./net/... ./ssl/... ./export/... ./tools/...

# Environments under which the device tests run again: each forces what the default choice would not take.
# 128 and 512 bits give lavapipe subgroups of 4 and 16 lanes; others ignore the variable. plain reads through storage buffers,
# tiled takes the kernels of GPUs, eager runs op by op with a look for NaN, poison fills memory with NaN first.
VARIANTS = LP_NATIVE_VECTOR_WIDTH=128 LP_NATIVE_VECTOR_WIDTH=512 MARR_KERNELS=plain MARR_KERNELS=texel,tiled MARR_EAGER=1 MARR_POISON=1
VARIED = ./kernels/ ./net/ ./ssl/

.PHONY: demo test check build shaders shaderstats gpucheck results lint setup check-long check-race check-validation check-gc check-variants check-turbo

demo: setup build
	@./marr demo

build:
	@$(GO) build -trimpath -o marr ./tools/marr

setup:
	@tools/setup/setup.sh

test: setup
	@tools/setup/ort.sh
	$(GO) vet ./...
	$(AGAIN) ./...

check:
	@tools/setup/setup.sh check
	@$(MAKE) --no-print-directory check-long check-race check-validation check-gc check-variants check-turbo

check-long:
	$(TEST) ./ssl/
	$(TEST) -run Norms ./tools/marr/

check-race:
	$(AGAIN) -race $(RACE)

# Package vk turns every message of the validation layer into a failure.
check-validation:
	MARR_VALIDATION=1 $(AGAIN) $(DEVICE)

# A collection at every chance, and freed C memory filled with rubbish: finds arguments that Go let go too early.
check-gc:
	GOGC=1 MALLOC_PERTURB_=165 $(TEST) ./vk/... ./kernels/...

check-variants:
	@set -e; for v in $(VARIANTS); do echo "$$v $(AGAIN) $(VARIED)"; env "$$v" $(AGAIN) $(VARIED); done

# JPEG files through libjpeg-turbo, as the build tag asks.
check-turbo:
	$(GO) vet -tags turbo ./ssl/data/...
	$(TEST) -tags turbo ./ssl/data/...

gpucheck: setup
	@tools/gpucheck/build.sh

# The text above the mark is kept by hand, the tables below it are made of the JSON files.
results: build
	@sed '/^<!-- tables/q' bench/RESULTS.md >bench/RESULTS.new
	@./marr bench table bench/results/*.json >>bench/RESULTS.new
	@mv bench/RESULTS.new bench/RESULTS.md

shaders:
	@$(GO) run ./tools/mkshaders

shaderstats: setup
	@set -e; driver=$$(tools/setup/radv.sh); $(GO) run ./tools/shaderstats --out bench/shaderstats.md $$driver

lint:
	@bad=$$(gofmt -l .); if [ -n "$$bad" ]; then echo "lint: not formatted: $$bad: run gofmt -w" >&2; exit 1; fi
	$(GO) vet ./...
	@if command -v staticcheck >/dev/null; then staticcheck ./...; else echo "lint: staticcheck is not installed, left out"; fi
