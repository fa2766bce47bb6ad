package run

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
)

// givenKeys returns a function that reports whether a key is one of these.
func givenKeys(keys ...string) func(string) bool {
	return func(key string) bool { return strings.Contains(" "+strings.Join(keys, " ")+" ", " "+key+" ") }
}

// deviceSpeed returns the speed of a device that trains the first of inputs at a rate, and no more than fits.
func deviceSpeed(rate float64, fits int) func(Input) (float64, error) {
	return func(in Input) (float64, error) {
		cost := float64(in.Size*in.Size) / (64 * 64)
		if in.Arch == "resnet18" {
			cost *= 2
		}
		if w := in.Width; w > 0 {
			cost *= float64(w*w) / (16 * 16)
		}
		if in.Size > fits {
			return 0, &kernels.MemoryError{}
		}
		return rate / cost, nil
	}
}

func TestChooseInputTakesTheLargestThatIsTrainedLongEnough(t *testing.T) {
	const all = 1 << 20
	for _, x := range []struct {
		name              string
		images, shortSide int
		limit             time.Duration
		speed             func(Input) (float64, error)
		want              Input
		why               string
	}{
		{"photographs on two cores", 3000, 400, 35 * time.Minute, deviceSpeed(100, all), Input{"resnet10", 16, 64}, "trains well in 35 min; the images have 400"},
		{"photographs on many cores", 3000, 400, 40 * time.Minute, deviceSpeed(2000, all), Input{"resnet18", 32, 96}, "the images have 400"},
		{"photographs on a GPU", 3000, 400, 12 * time.Hour, deviceSpeed(1e5, all), Input{"resnet18", 64, 224}, "the images have 400"},
		{"a GPU with little memory", 3000, 400, 12 * time.Hour, deviceSpeed(1e5, 128), Input{"resnet18", 64, 128}, ""},
		{"small photographs", 3000, 100, 12 * time.Hour, deviceSpeed(1e5, all), Input{"resnet18", 64, 100}, "the size of the images"},
		{"CIFAR on two cores", 50_000, 32, 40 * time.Minute, deviceSpeed(100, all), Input{"resnet10", 16, 32}, "the size of the images"},
		{"CIFAR on a GPU", 50_000, 32, 12 * time.Hour, deviceSpeed(1e5, all), Input{"resnet18", 64, 32}, "the size of the images"},
		{"a million photographs", 1_281_167, 400, 12 * time.Hour, deviceSpeed(1e5, all), Input{"resnet18", 32, 96}, ""},
		{"icons", 3000, 8, time.Hour, deviceSpeed(1e6, all), Input{"resnet18", 64, 16}, "the size of the images"},
	} {
		c := DefaultConfig()
		r, err := ChooseInput(c, x.images, x.shortSide, x.limit, never, x.speed)
		if err != nil {
			t.Fatal(err)
		}
		r.Apply(&c, never)
		if got := (Input{c.Arch, int(c.Backbone["width"].(int64)), c.Size}); got != x.want || !strings.Contains(r.Why["size"], x.why) {
			t.Errorf("%s: %v, %q, want %v", x.name, got, r.Why["size"], x.want)
		}
	}
}

func TestChooseInputKeepsGivenSettings(t *testing.T) {
	for _, x := range []struct {
		given []string
		want  Input
	}{
		{[]string{"size"}, Input{"resnet18", 64, 48}},
		{[]string{"arch"}, Input{"resnet34", 0, 224}},
		{[]string{"arch", "size"}, Input{"resnet34", 0, 48}},
		{[]string{"epochs"}, Input{"resnet18", 32, 96}},
	} {
		c := DefaultConfig()
		c.Arch, c.Size, c.Epochs = "resnet34", 48, 1
		given, limit := givenKeys(x.given...), 12*time.Hour
		if slices.Contains(x.given, "epochs") { // one of which a larger network would end in this time
			limit = 40 * time.Minute
		}
		r, err := ChooseInput(c, 3000, 400, limit, given, deviceSpeed(2000, 1<<20))
		if err != nil {
			t.Fatal(err)
		}
		r.Apply(&c, given)
		width, _ := c.Backbone["width"].(int64)
		if got := (Input{c.Arch, int(width), c.Size}); got != x.want {
			t.Errorf("given %v: %v, want %v", x.given, got, x.want)
		}
	}
	broken := errors.New("broken")
	if _, err := ChooseInput(DefaultConfig(), 3000, 400, time.Hour, never, func(Input) (float64, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("an error of the measurement: %v", err)
	}
}

func TestChooseMethodFollowsTheLengthOfTheRun(t *testing.T) {
	for _, x := range []struct {
		arch  string
		size  int
		shown float64
		want  string
	}{{"resnet18", 32, 1e5, "simclr"}, {"resnet18", 224, 1e5, "simclr"}, {"resnet18", 32, 1e7, "byol"}, {"resnet18", 64, 1e7, "byol"}, {"resnet18", 96, 1e7, "dino"},
		{"vit-tiny", 32, 1e5, "simclr"}, {"vit-tiny", 32, 1e7, "dino"}, {"vit-small", 224, 1e7, "dino"}} {
		c := DefaultConfig()
		c.Arch, c.Size = x.arch, x.size
		ChooseMethod(c, x.shown, never).Apply(&c, never)
		if c.Method != x.want {
			t.Errorf("%s, %d px, %g images: %s, want %s", x.arch, x.size, x.shown, c.Method, x.want)
		}
	}
}

func TestChooseBatchLeavesStepsForFewImages(t *testing.T) {
	for images, want := range map[int]int{1_000_000: 256, 10_000: 256, 3068: 64, 1100: 32, 200: 32, 100: 16, 12: 2, 4: 2} {
		c := DefaultConfig()
		ChooseBatch(images, never).Apply(&c, never)
		if c.Batch != want {
			t.Errorf("%d images: batch %d, want %d", images, c.Batch, want)
		}
	}
}

func TestChooseEpochsEndsWithinTheLimit(t *testing.T) {
	for _, x := range []struct {
		images int
		epoch  time.Duration
		fill   bool
		want   int
		why    string
	}{
		{3000, time.Minute, false, 60, "ends within 1 h"}, {3000, time.Second, false, 2000, "gain little"}, {3000, time.Second, true, 3600, "ends within"},
		{50_000, time.Second, false, 400, ""}, {1_281_167, time.Second, false, 100, ""}, {3000, 2 * time.Hour, false, 1, "one takes longer than"},
	} {
		c := DefaultConfig()
		r := ChooseEpochs(x.images, x.epoch, time.Hour, x.fill, never)
		r.Apply(&c, never)
		if c.Epochs != x.want || !strings.Contains(r.Why["epochs"], x.why) {
			t.Errorf("%+v: %d epochs, %s", x, c.Epochs, r.Why["epochs"])
		}
	}
}

// A method that the user names gets the same settings as one that is chosen: both are those of MethodDefaults.
func TestMethodDefaultsFollowTheRun(t *testing.T) {
	for _, x := range []struct {
		method                string
		images, epochs, batch int
		options               map[string]any
	}{
		{"byol", 10_000, 12, 256, map[string]any{"momentum": 0.9, "embedding": 256}},
		{"byol", 2000, 2000, 64, map[string]any{"momentum": 0.996, "embedding": 256}},
		{"byol", 50_000, 400, 256, map[string]any{"momentum": 0.99}},
		{"byol", 50_000, 1000, 256, map[string]any{"momentum": 0.996}},
		{"dino", 105_000, 200, 256, map[string]any{"prototypes": 16384, "teacher-temperature": 0.02, "momentum": 0.99}},
		{"dino", 1_281_167, 100, 256, map[string]any{"prototypes": 65536, "teacher-temperature": 0.07, "teacher-temperature-start": 0.04,
			"teacher-temperature-warmup": 0.3, "momentum": 0.996}},
		{"dino", 2000, 100, 64, map[string]any{"prototypes": 256, "norm-in-head": true, "momentum": 0.9, "bottleneck": 64}},
		{"dino", 2000, 2000, 64, map[string]any{"momentum": 0.99, "bottleneck": 256}},
		{"simsiam", 2000, 100, 64, map[string]any{"embedding": 1024, "predictor-scheduled": true}},
		{"simsiam", 2000, 2000, 64, map[string]any{"embedding": 2048, "predictor-scheduled": false}},
		{"barlow", 2000, 100, 64, map[string]any{"embedding": 2048, "projector-hidden": 2048, "lambda": 0.0051}},
		{"vicreg", 2000, 100, 64, map[string]any{"embedding": 2048, "variance": 25.0}},
		{"mae", 2000, 100, 64, map[string]any{"decoder-dim": 352, "decoder-depth": 4, "mask-ratio": 0.75}},
		{"lejepa", 2000, 100, 64, map[string]any{"slices": 256, "lambda": 0.02}},
		{"lejepa", 2000, 2000, 64, map[string]any{"slices": 1024}},
		{"visreg", 2000, 2000, 64, map[string]any{"slices": 1024, "lambda": 0.6}},
		{"rotation", 2000, 100, 64, nil},
	} {
		c := DefaultConfig()
		c.Method, c.Epochs, c.Batch, c.Size = x.method, x.epochs, x.batch, 96
		r, err := MethodDefaults(c, x.images, never)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range x.options {
			if r.Options[name] != want {
				t.Errorf("%s, %d images, %d epochs: %s is %v, want %v", x.method, x.images, x.epochs, name, r.Options[name], want)
			}
		}
	}
}

// The rate follows the optimizer, also one that the user chose: Adam's is far too low for SGD.
func TestMethodDefaultsFitTheOptimizer(t *testing.T) {
	for _, method := range ssl.Methods() {
		rates := map[string]float64{}
		for _, optimizer := range []string{"adamw", "sgd"} {
			c := DefaultConfig()
			c.Method, c.Optimizer, c.Size = method, optimizer, 32
			given := givenKeys("optimizer")
			r, err := MethodDefaults(c, 10_000, given)
			if err != nil {
				t.Fatal(err)
			}
			r.Apply(&c, given)
			rates[optimizer] = c.LR
			if c.Optimizer != optimizer {
				t.Errorf("%s: %s in place of %s", method, c.Optimizer, optimizer)
			}
		}
		if !(rates["sgd"] >= 5*rates["adamw"]) {
			t.Errorf("%s: rates %v", method, rates)
		}
	}
	m, err := ssl.New("byol")
	if err != nil {
		t.Fatal(err)
	}
	before := registry.Values(m)["embedding"]
	ssl.Defaults(m, ssl.Scale{Images: 100, Size: 32, Dim: 8, Epochs: 1, Batch: 2}, "")
	if fresh, _ := ssl.New("byol"); registry.Values(fresh)["embedding"] != before {
		t.Error("Defaults changed the registered method")
	}
}

// Long runs of vision transformers get the settings of the papers: facebookresearch/dino, main_dino.py, and facebookresearch/moco-v3, CONFIG.md.
func TestMethodDefaultsFollowTheArchitecture(t *testing.T) {
	defaults := func(method, arch string, given func(string) bool) (Config, *Choice) {
		c := DefaultConfig()
		c.Method, c.Arch, c.Epochs, c.Batch, c.Size, c.Decay = method, arch, 200, 1024, 224, 0.01
		r, err := MethodDefaults(c, 1_281_167, given)
		if err != nil {
			t.Fatal(err)
		}
		r.Apply(&c, given)
		return c, r
	}
	dino, options := defaults("dino", "vit-small", never)
	if dino.Optimizer != "adamw" || dino.LR != 2e-3 || dino.Decay != 0.04 || dino.DecayEnd != 0.4 || dino.ClipEach != 3 || dino.Warmup != 0.05 ||
		dino.Backbone["drop-path"] != 0.1 || dino.Backbone["freeze-patches"] != false || options.Options["norm-in-head"] != false {
		t.Errorf("DINO: %+v, %v", dino, options.Options)
	}
	moco, options := defaults("mocov3", "vit-small", never)
	if moco.Optimizer != "adamw" || math.Abs(moco.LR-6e-4) > 1e-12 || moco.Decay != 0.1 || moco.DecayEnd != -1 || moco.ClipEach != 0 || moco.Backbone["drop-path"] != 0.0 ||
		moco.Backbone["freeze-patches"] != true || options.Options["projector-layers"] != 3 || options.Options["predictor-norm"] != true || options.Options["projector-hidden"] != 8*384 {
		t.Errorf("MoCo v3: %+v, %v", moco, options.Options)
	}
	if c, r := defaults("dino", "resnet18", never); c.DecayEnd != -1 || c.ClipEach != 0 || len(c.Backbone) > 0 || r.Options["norm-in-head"] != true {
		t.Errorf("DINO with a ResNet: %+v, %v", c, r.Options)
	}
	if c, _ := defaults("dino", "vit-small", givenKeys("weight_decay", "drop-path")); c.Decay != 0.01 || c.DecayEnd != -1 || c.Backbone["drop-path"] != nil {
		t.Errorf("with a weight decay and a rate of stochastic depth from the user: decay %g to %g, %v", c.Decay, c.DecayEnd, c.Backbone)
	}
	for _, method := range ssl.Methods() {
		transformer, _ := defaults(method, "vit-small", never)
		resnet, _ := defaults(method, "resnet18", givenKeys("optimizer"))
		if transformer.Optimizer != "adamw" || !(transformer.LR < resnet.LR) || !(transformer.Decay > 0) {
			t.Errorf("%s: a vision transformer trains with %s at %g, decay %g, a ResNet with AdamW at %g", method, transformer.Optimizer, transformer.LR, transformer.Decay, resnet.LR)
		}
	}
}

// A flag for the architecture stays, and so do flags for its settings.
func TestNetworkOfMAEIsAVisionTransformer(t *testing.T) {
	for _, x := range []struct {
		method, arch, pool string
		given              []string
		ok                 bool
	}{
		{"mae", "vit-tiny", "mean", nil, true},
		{"mae", "vit-small", "cls", []string{"arch", "pool"}, true},
		{"mae", "resnet18", "mean", []string{"arch"}, false},
		{"simclr", "resnet18", "", nil, true},
	} {
		c := DefaultConfig()
		if c.Method = x.method; slices.Contains(x.given, "arch") {
			c.Arch, c.Backbone = x.arch, map[string]any{}
		}
		if slices.Contains(x.given, "pool") {
			c.Backbone["pool"] = x.pool
		}
		choice, err := ChooseNetwork(c, givenKeys(x.given...))
		if err != nil {
			t.Fatal(err)
		}
		choice.Apply(&c, givenKeys(x.given...))
		if pool, _ := c.Backbone["pool"].(string); c.Arch != x.arch || pool != x.pool {
			t.Errorf("%s, given %v: %s with pool %s, want %s with %s", x.method, x.given, c.Arch, pool, x.arch, x.pool)
		}
		m, err := ssl.New(x.method)
		if err != nil {
			t.Fatal(err)
		}
		if c.Arch == "resnet18" {
			c.Backbone = nil
		}
		if err := c.CheckNetwork(m); (err == nil) != x.ok || err != nil && !strings.Contains(err.Error(), "--arch resnet18: mae needs a vision transformer, whose patches it removes: choose --arch vit-tiny") {
			t.Errorf("%s on %s: %v", x.method, c.Arch, err)
		}
	}
}
