package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/export"
)

// By default, eval and export use the branch that the method exports. --branch chooses the other one and is refused if the run has no such branch.
func TestBranchFlagChoosesTheBackboneOfEvalAndExport(t *testing.T) {
	t.Parallel()
	set := images(t, 32)
	type result struct {
		Branch string
		Linear float64
	}
	measure := func(run string, more ...string) (r result) {
		t.Helper()
		args := append([]string{"eval", "linear", "--run", run, "--train", set, "--test", set, "--json"}, more...)
		if err := json.Unmarshal([]byte(ok(t, args...)), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	branches := map[string]string{"byol": "online", "dino": "teacher"}
	if testing.Short() {
		delete(branches, "byol")
	}
	for method, exported := range branches {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			run := filepath.Join(dir, method)
			ok(t, small(set, run, "--method", method, "--epochs", "2", "--lr", "2e-2")...)
			chosen, online, teacher := measure(run), measure(run, "--branch", "online"), measure(run, "--branch", "teacher")
			if chosen.Branch != exported || online.Branch != "online" || teacher.Branch != "teacher" {
				t.Errorf("%s: branches %s, %s and %s, want %s, online and teacher", method, chosen.Branch, online.Branch, teacher.Branch, exported)
			}
			if want := map[string]result{"online": online, "teacher": teacher}[exported]; chosen != want {
				t.Errorf("%s: the exported branch measures %v, online %v, teacher %v", method, chosen, online, teacher)
			}
			if said := ok(t, "eval", "knn", "--run", run, "--branch", "teacher", "--train", set, "--test", set); !strings.Contains(said, run+", branch teacher, train") {
				t.Errorf("%s: it printed %q", method, said)
			}
			var first [][]float32 // first convolution of each branch: they are different networks
			for _, branch := range []string{"online", "teacher"} {
				file := filepath.Join(dir, branch+".onnx")
				ok(t, "export", "--run", run, "--out", file, "--branch", branch, "--verify")
				m, err := export.ReadFile(file)
				if err != nil || m.Metadata["marr.branch"] != branch {
					t.Fatalf("%s: the metadata names branch %q (%v), want %s", method, m.Metadata["marr.branch"], err, branch)
				}
				w, _ := m.Initializer("conv1.weight")
				first = append(first, w.Float32)
			}
			if len(first[0]) == 0 || slices.Equal(first[0], first[1]) {
				t.Errorf("%s: both branches have the same %d weights", method, len(first[0]))
			}
		})
	}
	run, _ := trained(t)
	r := call(t, nil, "eval", "knn", "--run", run, "--branch", "teacher", "--train", set, "--test", set)
	if r.status != 1 || !strings.Contains(r.err, "has no branch teacher, it holds online") {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
}
