package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every wrong call prints one line on stderr, exits with the right status and leaves no output folder.
func TestBadInputPrintsOneLineAndLeavesNoFolder(t *testing.T) {
	t.Parallel()
	good, dir := images(t, 32), t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o777); err != nil {
		t.Fatal(err)
	}
	corrupt := file("bad-images-idx3-ubyte", "not an IDX file")
	unreadable := filepath.Dir(file("pictures/x.png", "not an image"))
	out := filepath.Join(dir, "out")
	half := filepath.Dir(file("half/config.toml", "data = \"photos\"\nmethod = \"simclr\"\n"))
	for _, c := range []struct {
		name   string
		status int
		want   string
		env    []string
		args   []string
	}{
		{"unknown command", 2, "unknown command frobnicate: marr help lists all commands", nil, []string{"frobnicate"}},
		{"misspelled command", 2, "unknown command pretrian: did you mean pretrain?", nil, []string{"pretrian"}},
		{"misspelled help", 2, "unknown command halp: did you mean help?", nil, []string{"halp"}},
		{"unknown command with a line break", 2, `unknown command "a\nb"`, nil, []string{"a\nb"}},
		{"unknown flag with a line break", 2, `unknown flag "--a\nb"`, nil, []string{"pretrain", "--a\nb"}},
		{"empty number", 2, `--batch "": want a whole number`, nil, []string{"pretrain", "--batch="}},
		{"method with a line break", 2, `--method "a\nb": not known`, nil, []string{"pretrain", "--method", "a\nb"}},
		{"unknown flag", 2, "unknown flag --frobnicate: marr help pretrain lists all flags", nil, []string{"pretrain", "--frobnicate"}},
		{"misspelled flag", 2, "unknown flag --leraning-rate: did you mean --learning-rate?", nil, []string{"pretrain", "--leraning-rate", "1"}},
		{"flag with one dash", 2, "unknown flag -lr: did you mean --lr?", nil, []string{"pretrain", "-lr=0.1"}},
		{"flag without a value", 2, "--data needs a value: write --data D", nil, []string{"pretrain", "--data"}},
		{"check without an op", 2, "--filter nope matches no op: known are relu, add", nil, []string{"devices", "--check", "--filter", "nope"}},
		{"flag of the check alone", 2, "--device is a flag of --check: add --check", nil, []string{"devices", "--device", "0"}},
		{"two files", 2, "is not a flag", nil, []string{"devices", "--json", "a", "b"}},
		{"no flags", 2, "--data and --out are required", nil, []string{"pretrain"}},
		{"stray word", 2, "is not a flag", nil, small(good, out, "stray")},
		{"unknown method", 2, "--method nope: not known: known are barlow, byol, diet, dino", nil, small(good, out, "--method", "nope")},
		{"misspelled method", 2, "did you mean simclr?", nil, small(good, out, "--method", "simlcr")},
		{"option that does not parse", 2, "--temperature warm: want a number, such as 0.5", nil, small(good, out, "--temperature", "warm")},
		{"missing folder", 1, "no such file or folder", nil, small(filepath.Join(dir, "nowhere"), out)},
		{"empty folder", 1, "no images", nil, small(empty, out)},
		{"folder of broken images", 1, "none of its 1 images can be read", nil, small(unreadable, out)},
		{"corrupt IDX", 1, "bad magic number", nil, small(corrupt, out)},
		{"unknown built-in", 2, "builtin:fashion-placed", nil, small("builtin:nothing", out)},
		{"batch beyond the set", 2, "has only 32 images: set --batch to at most 32", nil, small(good, out, "--batch", "33")},
		{"batch of one", 2, "need at least 2 images", nil, small(good, out, "--batch", "1")},
		{"unknown architecture", 2, "resnet10, resnet18, resnet34, resnet50", nil, small(good, out, "--arch", "vgg")},
		{"unknown norm", 2, "known are batch, none, group, layer, mean, moving-mean", nil, small(good, out, "--norm", "instance")},
		{"unknown norm of heads", 2, "known are batch, none, group, layer, mean, moving-mean", nil, small(good, out, "--head-norm", "instance")},
		{"unknown stem", 2, "known are cifar, strided, imagenet", nil, small(good, out, "--stem", "wide")},
		{"misspelled stem", 2, "did you mean strided?", nil, small(good, out, "--stem", "strdied")},
		{"views too small for the stem", 2, "resnet10 would see images of 16×16 pixels: set it to at least 17, or choose --stem cifar or strided", nil, small(good, out, "--stem", "imagenet")},
		{"size below that of any view", 2, "--size -3: too small for jigsaw: views under 8×8 pixels show too little to learn from: set it to at least 20", nil,
			small(unreadable, out, "--method", "jigsaw", "--size", "-3")}, // before it reads the images
		{"size that no cache holds", 2, "--size 4000: want a side of at most 3276 pixels", nil, small(good, out, "--size", "4000")},
		{"images too small for the stem", 2, "at least 17×17 pixels", nil, []string{"eval", "knn", "--model", "random", "--stem", "imagenet", "--train", good, "--test", good}},
		{"unknown optimizer", 2, "known are adam, adamw, larc, lars, nesterov, sgd", nil, small(good, out, "--optimizer", "lion")},
		{"misspelled optimizer", 2, "did you mean adamw?", nil, small(good, out, "--optimizer", "adanw")},
		{"unknown schedule", 2, "known are cosine, step, constant", nil, small(good, out, "--schedule", "linear")},
		{"unknown wire", 2, "known are fp32, fp16", nil, small(good, out, "--wire", "bf16")},
		{"two rates", 2, "--lr and --base-lr: give one", nil, small(good, out, "--base-lr", "0.1")},
		{"no rate", 2, "--lr 0: want it above 0", nil, small(good, out, "--lr", "0")},
		{"a rate at the end of a constant schedule", 2, "--lr-end belongs to --schedule cosine", nil, small(good, out, "--lr-end", "1e-6", "--schedule", "constant")},
		{"a rate at the end above the peak", 2, "must not exceed --lr", nil, small(good, out, "--lr-end", "1", "--lr", "0.1")},
		{"beta2 of SGD", 2, "--beta2 is a number between 0 and 1 that belongs to --optimizer adamw and adam", nil, small(good, out, "--beta2", "0.95", "--optimizer", "sgd")},
		{"two warm-ups", 2, "--warmup and --warmup-epochs: give one", nil, small(good, out, "--warmup", "0.1", "--warmup-epochs", "2")},
		{"two warm-ups of fine-tuning", 2, "--warmup and --warmup-epochs: give one", nil, []string{"finetune", "--run", out, "--train", good, "--out", out, "--warmup", "0.1", "--warmup-epochs", "2"}},
		{"negative warm-up", 2, "set --warmup-epochs to 0 or more, up to --epochs", nil, small(good, out, "--warmup-epochs", "-1")},
		{"warm-up longer than the run", 2, "set --warmup-epochs to 0 or more, up to --epochs", nil, small(good, out, "--warmup-epochs", "5")},
		{"decay that ends below zero", 2, "decay at least 0", nil, small(good, out, "--weight-decay-end", "-2")},
		{"unknown recipe", 2, "known are cifar10-barlow-r18", nil, small(good, out, "--recipe", "cifar")},
		{"misspelled recipe", 2, "did you mean cifar10-byol-r18?", nil, small(good, out, "--recipe", "cifar-byol-r18")},
		{"recipe with an unknown setting", 2, "line 4: epoch is not known", nil,
			small(good, out, "--recipe", file("r.toml", "about = 'x'\nsource = 'y'\nmethod = 'simclr'\nepoch = 3\n"))},
		{"recipe of another method", 2, "is for byol and --method is simclr", nil, small(good, out, "--recipe", "cifar10-byol-r18")},
		{"option of a method that was not chosen", 2, "which was chosen automatically: choose a --method", nil,
			append([]string{"pretrain", "--data", good, "--out", out, "--prototypes", "16"}, tiny...)},
		{"text for a whole number", 2, "--epochs many: want a whole number, such as 8", nil, small(good, out, "--epochs", "many")},
		{"fraction for a whole number", 2, "--prototypes 2.5: want a whole number, such as 8", nil, small(good, out, "--method", "dino", "--prototypes", "2.5")},
		{"whole number that is too large", 2, "--batch 99999999999999999999: too large", nil, small(good, out, "--batch", "99999999999999999999")},
		{"text for a number", 2, "--lr fast: want a number, such as 0.5", nil, small(good, out, "--lr", "fast")},
		{"negative seed", 2, "--seed -1: want a whole number of at least 0", nil, small(good, out, "--seed", "-1")},
		{"text for whole numbers", 2, "--k 1,x: want whole numbers separated by commas", nil, []string{"eval", "knn", "--k", "1,x"}},
		{"text for a switch", 2, "--resume=maybe: want true or false", nil, small(good, out, "--resume=maybe")},
		{"unknown reaction to collapse", 2, "known are warn, stop", nil, small(good, out, "--on-collapse", "pray")},
		{"--eval-data with names for numbers", 1, "one set has numbers for classes, the other has names", nil, small(good, out, "--eval-data", "builtin:fashion")},
		{"--eval-data with fewer images than neighbors", 1, "and kNN needs 20", nil, small(images(t, 16), out, "--eval-data", good)},
		{"--data with one class for --eval-data", 1, "one class only", nil, small(oneClass(t, 0), out, "--batch", "4", "--eval-data", good)},
		{"--eval-data with classes that --data lacks", 1, `different classes: only /`, nil, small(good, out, "--eval-data", oneClass(t, 7))},
		{"--eval-data without labels", 1, "has no labels", nil, small(good, out, "--eval-data", noLabels(t))},
		{"--eval-data and --data without labels", 1, "has no labels", nil, small(noLabels(t), out, "--eval-data", noLabels(t))},
		{"missing --eval-data", 1, "no such file or folder", nil, small(good, out, "--eval-data", filepath.Join(dir, "nowhere"))},
		{"negative --eval-every", 2, "--eval-every -1", nil, small(good, out, "--eval-every", "-1")},
		{"--eval-share of 0", 2, "want at least 0 epochs, and a fraction above 0", nil, small(good, out, "--eval-share", "0")},
		{"folder that cannot be created", 1, "choose another folder", nil, small(good, filepath.Join(corrupt, "run"))},
		{"temperature of zero", 2, "want it above 0", nil, small(good, out, "--temperature", "0")},
		{"no driver", 1, "install mesa-vulkan-drivers", []string{"VK_ICD_FILENAMES=/nonexistent", "VK_DRIVER_FILES=/nonexistent"}, small(good, out)},
		{"unknown device", 1, "choose one of 0", nil, small(good, out, "--device", "quantum")},
		{"no run to measure", 1, "there is no such folder", nil, []string{"eval", "knn", "--run", out, "--train", good, "--test", good}},
		{"unknown branch", 2, "known are online, teacher", nil, []string{"eval", "knn", "--run", out, "--branch", "student", "--train", good, "--test", good}},
		{"branch without a run", 2, "only a run has branches", nil, []string{"eval", "knn", "--model", "raw", "--branch", "teacher", "--train", good, "--test", good}},
		{"unknown evaluation", 2, "choose one of knn, linear, finetune", nil, []string{"eval", "wish"}},
		{"raw pixels fine-tuned", 2, "pixels cannot be fine-tuned", nil, []string{"eval", "finetune", "--model", "raw", "--train", good, "--test", good}},
		{"unknown export format", 2, "use .onnx or .safetensors", nil, []string{"export", "--run", out, "--out", filepath.Join(dir, "x.pth")}},
		{"dense features without a graph", 2, "--dense: only for ONNX files", nil, []string{"export", "--run", out, "--out", filepath.Join(dir, "x.safetensors"), "--dense"}},
		{"opset without a graph", 2, "--opset: only for ONNX files", nil, []string{"export", "--run", out, "--out", filepath.Join(dir, "x.safetensors"), "--opset", "13"}},
		{"unknown opset", 2, "--opset 14: not known: did you mean 13?: known are 13, 17", nil, []string{"export", "--run", out, "--out", filepath.Join(dir, "x.onnx"), "--opset", "14"}},
		{"missing export folder", 1, "make it first", nil, []string{"export", "--run", out, "--out", filepath.Join(dir, "none", "x.onnx")}},
		{"nothing to measure", 2, "one of kernels, step, data, methods, all, table", nil, []string{"bench"}},
		{"unknown bench", 2, "choose one of kernels, step, data, methods, all, table", nil, []string{"bench", "speed"}},
		{"filter that does not parse", 2, "missing closing )", nil, []string{"bench", "kernels", "--filter", "("}},
		{"unknown architecture to measure", 2, "resnet10, resnet18", nil, []string{"bench", "step", "--arch", "vgg"}},
		{"norms of one device", 2, "--sync-bn: there are no other devices: give --ranks with step", nil, []string{"bench", "step", "--sync-bn"}},
		{"wire of one device", 2, "--wire fp16: one device sends no gradients: give --ranks with step", nil, []string{"bench", "step", "--wire", "fp16"}},
		{"missing results to compare with", 1, "x.json: " + noFile + ": create", nil, []string{"bench", "step", "--against", filepath.Join(dir, "x.json")}},
		{"file that is not a results file", 1, "marr bench --json did not write this file", nil, []string{"bench", "table", corrupt}},
		{"python without torch", 1, "install python3-torch", nil, []string{"bench", "step", "--peer", "--python", "/nonexistent"}},
		{"views without data", 2, "--data, --out", nil, []string{"views"}},
		{"views of an unknown method", 2, "known are asymmetric", nil, []string{"views", "--data", good, "--method", "nope", "--out", out}},
		{"views of a misspelled preset", 2, "did you mean dino?", nil, []string{"views", "--data", good, "--method", "dyno", "--out", out}},
		{"missing views file", 2, noFile, nil, small(good, out, "--views", filepath.Join(dir, "none.toml"))},
		{"network of a run", 2, "--arch: a run has its own network", nil, []string{"eval", "knn", "--run", out, "--arch", "resnet50", "--train", good, "--test", good}},
		{"views file with an unknown key", 2, "--views: line 2: view 0: flip is not known", nil, small(good, out, "--views", file("a.toml", "[[view]]\nflip = 0.5\n"))},
		{"views file with a value out of range", 2, "--views: line 2: view 0: grayscale 2", nil, small(good, out, "--views", file("b.toml", "[[view]]\ngrayscale = 2\n"))},
		{"views of frames without clips", 2, "frames:DIR", nil, []string{"views", "--data", good, "--views", file("c.toml", "[[view]]\nframe = 3\n"), "--out", filepath.Join(dir, "v.png")}},
		{"inspect without a set", 2, "marr data inspect D", nil, []string{"data", "inspect"}},
		{"inspect of a missing set", 1, "no such file or folder", nil, []string{"data", "inspect", filepath.Join(dir, "none")}},
		{"truncated CIFAR file", 1, "CIFAR", nil, []string{"data", "inspect", file("data_batch_1.bin", "short")}},
		{"file that is not an archive", 1, "archive", nil, []string{"data", "inspect", file("x.zip", "not a zip")}},
		{"one class", 1, "one class only", nil, []string{"eval", "knn", "--model", "raw", "--train", oneClass(t, 0), "--test", oneClass(t, 0)}},
		{"one class with a higher number", 1, "one class only", nil, []string{"eval", "knn", "--model", "raw", "--train", oneClass(t, 7), "--test", oneClass(t, 7)}},
		{"size below one", 2, "--size -3", nil, []string{"eval", "knn", "--model", "raw", "--size", "-3", "--train", good, "--test", good}},
		{"views file with another size", 2, "make them the same", nil, small(good, out, "--size", "16", "--views", file("d.toml", "[all]\nsize = 20\n"))},
		{"views file with one view for a contrastive method", 1, "compares 2 whole views of one size", nil, small(good, out, "--views", file("e.toml", "from = \"mae\"\n"))},
		{"unknown image format", 2, "ends in .png", nil, []string{"views", "--data", good, "--out", filepath.Join(dir, "v.jpg")}},
		{"embed without flags", 2, "embed: --data and either --run or --model are required", nil, []string{"embed"}},
		{"features in an unknown format", 2, "--out x.pt: the name decides the format: end it in .csv, .npy or .parquet", nil, []string{"embed", "--run", out, "--data", empty, "--out", "x.pt"}},
		{"features without a file", 2, "--out is required: name a file that ends in .csv, .npy or .parquet", nil, []string{"embed", "--run", out, "--data", empty}},
		{"feature maps in a table", 2, "which only .npy holds", nil, []string{"embed", "--run", out, "--data", empty, "--out", "x.csv", "--dense"}},
		{"features in a missing folder", 1, "make it first", nil, []string{"embed", "--run", out, "--data", empty, "--out", filepath.Join(dir, "none", "x.npy")}},
		{"features in a folder", 1, "it is a folder: name a file", nil, []string{"embed", "--run", out, "--data", empty, "--out", file("x.npy/y", "")[:len(dir)+6]}},
		{"features of two networks", 2, "--model and --run: give one of them", nil, []string{"embed", "--run", out, "--model", "x.onnx", "--data", empty, "--out", "x.npy"}},
		{"features of pixels", 2, "--model raw: give a file that ends in .onnx or .safetensors", nil, []string{"embed", "--model", "raw", "--data", empty, "--out", "x.npy"}},
		{"features at another size than the run's", 2, "--size: a run has its own network: leave it out", nil, []string{"embed", "--run", out, "--size", "64", "--data", empty, "--out", "x.npy"}},
		{"features of no folder", 1, "there is no such folder", nil, []string{"embed", "--run", out, "--data", empty, "--out", filepath.Join(dir, "x1.npy")}},
		{"features of no run", 1, "the folder holds no run", nil, []string{"embed", "--run", t.TempDir(), "--data", empty, "--out", filepath.Join(dir, "x1.npy")}},
		{"features of a file", 1, "it is a file: give the folder of a run", nil, []string{"embed", "--run", corrupt, "--data", empty, "--out", filepath.Join(dir, "x1.npy")}},
		{"features of an ablation", 1, "the folder holds an ablation: its runs", nil, []string{"embed", "--run", ablationFolder(t), "--data", empty, "--out", filepath.Join(dir, "x1.npy")}},
		{"features of half a run", 1, "lacks the size of views or the architecture: the file is damaged", nil, []string{"embed", "--run", half, "--data", empty, "--out", filepath.Join(dir, "x1.npy")}},
		{"half a run to continue", 1, "lacks the size of views or the architecture: the file is damaged", nil, []string{"pretrain", "--resume", "--out", half}},
		{"ablation in the folder of a run", 1, "the folder holds a run: choose another folder", nil, []string{"ablate", "--data", empty, "--out", half}},
		{"neighbors of nothing", 2, "--of is required", nil, []string{"neighbors", "--run", out, "--data", empty}},
		{"no neighbors", 2, "--k 0: want at least 1", nil, []string{"neighbors", "--run", out, "--data", empty, "--of", "x", "--k", "0"}},
		{"neighbors in another format", 2, "ends in .png", nil, []string{"neighbors", "--run", out, "--data", empty, "--of", "x", "--out", "x.jpg"}},
		{"threshold above 1", 2, "--threshold 1.5: want a cosine similarity above 0, up to 1", nil, []string{"duplicates", "--run", out, "--data", empty, "--threshold", "1.5"}},
		{"no run to export", 1, "there is no such folder", nil, []string{"export", "--run", out, "--out", filepath.Join(dir, "x.onnx")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if slices.Contains(c.args, good) {
				long(t) // the run is planned first
			}
			r := call(t, c.env, c.args...)
			if r.status != c.status || !strings.Contains(r.err, c.want) {
				t.Errorf("status %d, want %d; stderr %q, want %q in it", r.status, c.status, r.err, c.want)
			}
			lines := strings.Split(strings.TrimSpace(r.err), "\n")
			for _, p := range []string{"vk: ", "kernels: ", "net: ", "ssl: ", "data: ", "eval: eval"} {
				if strings.Contains(r.err, p) {
					t.Errorf("%q contains the package name %s", r.err, p)
				}
			}
			if last := lines[len(lines)-1]; !strings.HasPrefix(last, "marr: ") || len(lines) > 1 && !strings.HasPrefix(lines[0], "skipped ") && !strings.HasPrefix(lines[0], "note: ") {
				t.Errorf("stderr %q, want one line that begins with marr:", r.err)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("the command left its output folder")
			}
		})
	}
}

func TestRunInAUsedFolderIsRefusedWithoutResume(t *testing.T) {
	t.Parallel()
	data := images64(t)
	whole, _ := trained(t)
	out := copyRun(t, whole)
	r := call(t, nil, small(data, out)...)
	if r.status != 1 || !strings.Contains(r.err, "already holds a run") || !strings.Contains(r.err, "--resume") {
		t.Errorf("status %d, stderr %q", r.status, r.err)
	}
	r = call(t, nil, small(data, out, "--resume", "--lr", "5e-3")...)
	if r.status != 1 || !strings.Contains(r.err, "--lr 0.005: it was started with 0.001: leave --lr out") {
		t.Errorf("other settings: status %d, stderr %q", r.status, r.err)
	}
	r = call(t, nil, small(images(t, 40), out, "--resume")...)
	if r.status != 1 || !strings.Contains(r.err, "cannot resume") {
		t.Errorf("other images: status %d, stderr %q", r.status, r.err)
	}
	sameRun(t, whole, out)
}

func TestResumeFallsBackToThePreviousCheckpoint(t *testing.T) {
	t.Parallel()
	whole, _ := trained(t)
	run := copyRun(t, whole)
	if err := os.Truncate(filepath.Join(run, "checkpoint.ckpt"), 1000); err != nil {
		t.Fatal(err)
	}
	r := call(t, nil, "export", "--run", run, "--out", filepath.Join(t.TempDir(), "x.safetensors"))
	if r.status != 0 || !strings.Contains(r.err, "note: run "+run+" is not finished: its network after step 24") {
		t.Errorf("export: status %d, stderr %q", r.status, r.err)
	}
	r = call(t, nil, small(images64(t), run, "--resume")...)
	if r.status != 0 || !strings.Contains(r.err, "continuing from the checkpoint before it, step 24") {
		t.Fatalf("status %d, stderr %q", r.status, r.err)
	}
	sameRun(t, whole, run)
}

// last returns the last line of a text. A run may print advice before it.
func last(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return lines[len(lines)-1]
}

// At this learning rate, the second step overflows.
func TestNonFiniteLossStopsTheRun(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "run")
	r := call(t, nil, small(images64(t), out, "--lr", "1e35", "--warmup", "0", "--optimizer", "sgd")...)
	if r.status != 1 || !strings.HasPrefix(last(r.err), "marr: step 2 of simclr: ") || !strings.Contains(r.err, "back to step 0: resume with a lower --lr") {
		t.Errorf("status %d, stderr %q", r.status, r.err)
	}
	if _, err := os.Stat(filepath.Join(out, "checkpoint.ckpt")); err == nil {
		t.Error("a checkpoint was saved")
	}
}

// oneClass returns the path of an IDX file with equal labels.
func oneClass(t *testing.T, label byte) string {
	t.Helper()
	path := images(t, 4)
	labels := filepath.Join(filepath.Dir(path), labelsFile)
	raw, err := os.ReadFile(labels)
	if err != nil {
		t.Fatal(err)
	}
	copy(raw[8:], bytes.Repeat([]byte{label}, len(raw)-8))
	if err := os.WriteFile(labels, raw, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// noLabels returns the path of an IDX file without labels.
func noLabels(t *testing.T) string {
	t.Helper()
	path := images(t, 32)
	if err := os.Remove(filepath.Join(filepath.Dir(path), labelsFile)); err != nil {
		t.Fatal(err)
	}
	return path
}

// Spellings of other programs set the same flags.
func TestOtherSpellingsOfFlags(t *testing.T) {
	t.Parallel()
	data, out := images(t, 32), filepath.Join(t.TempDir(), "run")
	ok(t, "pretrain", "--data", data, "--output", out, "--method", "simclr", "--arch", "resnet10", "--width", "4", "--img-size", "16", "--batch-size", "8", "--accum-steps", "2",
		"--epochs", "4", "--warmup-epochs", "1", "--learning-rate", "1e-3", "--wd=0.01", "--clip-grad", "3")
	configHas(t, out, "size = 16 # flag", "batch = 8 # flag", "accumulate = 2 # flag", "warmup = 0.25 # flag", "lr = 0.001 # flag", "weight_decay = 0.01 # flag", "clip = 3 # flag")
	out = filepath.Join(t.TempDir(), "run")
	ok(t, small(data, out, "--warmup-epochs", "0", "--epochs", "1")...)
	configHas(t, out, "warmup = 0 # flag")
}

// --bn and --head-bn with the values on and off print a notice and set the new flags.
func TestRenamedFlagsStillWork(t *testing.T) {
	t.Parallel()
	data, out := images(t, 32), filepath.Join(t.TempDir(), "run")
	r := call(t, nil, small(data, out, "--bn", "off", "--head-bn=on", "--epochs", "1")...)
	for _, notice := range []string{"marr: --bn is now --norm; the old name will be removed\n", "marr: --head-bn is now --head-norm; the old name will be removed\n"} {
		if r.status != 0 || !strings.Contains(r.err, notice) {
			t.Errorf("status %d, stderr %q", r.status, r.err)
		}
	}
	configHas(t, out, `norm = "none" # flag`, `head_norm = "batch" # flag`, `backbone.width = 4 # flag`, `backbone.stem = "strided" # default`)
}

// Their checkpoints name parameters differently.
func TestRunsOfTheLastReleaseAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte("data = \"x\"\nstem = \"cifar\"\nbn = \"on\"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	r := call(t, nil, "export", "--run", dir, "--out", filepath.Join(dir, "x.onnx"))
	if r.status != 1 || !strings.Contains(r.err, "was written by an older version") || !strings.Contains(r.err, "start a new run") {
		t.Errorf("status %d, stderr %q", r.status, r.err)
	}
}
