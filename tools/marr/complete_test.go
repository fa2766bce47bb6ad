package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCompletionOfCommandsFlagsAndValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line string   // words, separated by spaces; the last is to be completed
		want []string // all candidates, without descriptions
	}{
		{"pret", []string{"pretrain"}},
		{"help pret", []string{"pretrain"}},
		{"completion ", []string{"bash", "zsh", "fish"}},
		{"eval ", []string{"knn", "linear", "finetune"}},
		{"data ", []string{"inspect"}},
		{"data inspect ", nil}, // a file may follow
		{"data inspect builtin:fashion-t", []string{"builtin:fashion-tinted", "builtin:fashion-tinted:test"}},
		{"data inspect photos ", nil},
		{"eval knn --model r", []string{"random", "raw"}},
		{"pretrain --device ", nil}, // its value is N|NAME
		{"frobnicate ", nil},
		{"pretrain --reci", []string{"--recipe"}},
		{"pretrain --method si", []string{"simclr", "simsiam"}},
		{"pretrain --method=si", []string{"--method=simclr", "--method=simsiam"}},
		{"pretrain --optimizer la", []string{"larc", "lars"}},
		{"pretrain --stem c", []string{"cifar"}},
		{"pretrain --on-collapse ", []string{"warn", "stop"}},
		{"pretrain --recipe cifar10-dino", []string{"cifar10-dino-r18"}},
		{"pretrain --data builtin:fashion-p", []string{"builtin:fashion-placed", "builtin:fashion-placed:test"}},
		{"pretrain --data ", nil},
		{"pretrain --teacher-temperature-s", nil}, // which method is not known
		{"pretrain --method dino --teacher-temperature-s", []string{"--teacher-temperature-start"}},
		{"pretrain --method=simclr --teacher-temperature-s", nil},
		{"help pretrain --batch", []string{"--batch", "--batch-size"}},
		{"pretrain --resume --accum-", []string{"--accum-steps"}}, // --resume takes no value
		{"pretrain --batch-size 8 --optimizer sg", []string{"sgd"}},
		{"bench step --tune q", []string{"quick"}},
		{"eval knn --branch t", []string{"teacher"}},
		{"views --method asym", []string{"asymmetric"}},
		{"pretrain --bn", nil},
		{"emb", []string{"embed"}},
		{"embed --no", []string{"--normalize"}},
		{"neighbors --data builtin:fashion-t", []string{"builtin:fashion-tinted", "builtin:fashion-tinted:test"}},
		{"neighbors --of ", nil}, // a file
		{"duplicates --branch ", []string{"online", "teacher"}},
		{"duplicates --th", []string{"--threshold"}},
	} {
		var got []string
		for _, x := range complete(strings.Split(c.line, " ")) {
			got = append(got, x.word)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q is completed to %q, want %q", c.line, got, c.want)
		}
	}
	if got := complete([]string{"demo", "--de"}); !slices.Equal(got, []candidate{{"--device", "number or name of a device"}}) {
		t.Errorf("--de is completed to %+v", got)
	}
}

// inShell runs a program in a shell whose PATH begins with marr. It skips the test if the shell is not installed.
func inShell(t *testing.T, shell, program string) string {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		t.Skipf("%v: install %s to check its script", err, shell)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "marr")); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(shell, "-c", program)
	c.Env = append(os.Environ(), "MARR_TEST_COMMAND=1", "HOME="+dir, "PATH="+dir+":"+os.Getenv("PATH"))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", shell, err, program)
	}
	return strings.TrimSpace(string(out))
}

// shellCases are command lines and the lines that the scripts complete them to. Bash replaces only what follows "=" or ":".
var shellCases = []struct{ line, want, bash string }{
	{"marr pretr", "pretrain", "pretrain"},
	{"marr pretrain --method=din", "--method=dino", "dino"},
	{"marr pretrain --method din", "dino", "dino"},
	{"marr pretrain --data builtin:fashion-t", "builtin:fashion-tinted\nbuiltin:fashion-tinted:test", "fashion-tinted\nfashion-tinted:test"},
	{"marr completion ", "bash\nzsh\nfish", "bash\nzsh\nfish"},
	{"marr pretrain --out ", "", ""},
}

func TestBashCompletes(t *testing.T) {
	t.Parallel()
	program := `source <(marr completion bash) || exit 1; [[ $(complete -p marr) == *"-F _marr"* ]] || exit 1` + "\n"
	for _, c := range shellCases {
		program += fmt.Sprintf("COMP_LINE='%s and more' COMP_POINT=%d; _marr; IFS=$'\\n'; echo \"<${COMPREPLY[*]}>\"; unset IFS\n", c.line, len(c.line))
	}
	got := inShell(t, "bash", program)
	for _, c := range shellCases {
		var ok bool
		if got, ok = strings.CutPrefix(strings.TrimSpace(got), "<"+c.bash+">"); !ok {
			t.Fatalf("%q: %q, want %q first", c.line, got, c.bash)
		}
	}
}

// Its _describe and _files are replaced: they work at a prompt only.
func TestZshCompletes(t *testing.T) {
	t.Parallel()
	program := `compdef() { }; _files() { }; _describe() { local -a all=("${(@P)2}"); local x; for x in $all; print -r -- ${${x%:*}//\\:/:} }; source <(marr completion zsh)` + "\n"
	for _, c := range shellCases {
		program += fmt.Sprintf("words=(\"${(@s: :):-%s}\"); CURRENT=$#words; print -r -- \"<$(_marr)>\"\n", c.line)
	}
	got := inShell(t, "zsh", program)
	for _, c := range shellCases {
		var ok bool
		if got, ok = strings.CutPrefix(strings.TrimSpace(got), "<"+c.want+">"); !ok {
			t.Fatalf("%q: %q, want %q first", c.line, got, c.want)
		}
	}
}

func TestFishCompletes(t *testing.T) {
	t.Parallel()
	for _, c := range shellCases {
		if c.want == "" {
			continue // fish lists files
		}
		got := inShell(t, "fish", fmt.Sprintf("marr completion fish | source; complete -C '%s' | string replace -r '\\t.*' ''; true", c.line))
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.line, got, c.want)
		}
	}
}
