package optest

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/marr-ssl/marr/kernels/ref"
)

// An op without golden cases, and golden cases without an op, would be tested by nothing.
func TestGoldenCasesAndOpsMustPair(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ops.json")
	text := `{"made_by":"hand","seed":1,"cases":[{"op":"square","name":"s","inputs":[{"name":"x","shape":[1],"lo":0,"hi":1}],
"outputs":[{"name":"y","shape":[1],"data":[0]}]}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	square := Op{Name: "square", Ref: func(in Values) *ref.Tensor { return in.T("x") }}
	if cases, err := loadGolden([]Op{square, {Name: "other", NoGolden: true}}, []string{path}); err != nil || len(cases) != 1 {
		t.Fatalf("%d cases, error %v", len(cases), err)
	}
	for want, ops := range map[string][]Op{
		`cases of "square", which`:                             {{Name: "other", NoGolden: true}},
		`cases of "square"`:                                    {{Name: "square", NoGolden: true}},
		"no golden cases of [other]":                           {square, {Name: "other"}},
		`two ops are called "square"`:                          {square, square},
		"golden: open missing.json: " + syscall.ENOENT.Error(): nil,
	} {
		paths := []string{path}
		if ops == nil {
			paths = []string{"missing.json"}
		}
		if _, err := loadGolden(ops, paths); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// JSON has no NaN, but a report must have the errors of a device that computes one.
func TestFailuresWithoutFiniteErrorAreWritten(t *testing.T) {
	for d, want := range map[Distance]string{Distance(math.NaN()): `"NaN"`, Distance(math.Inf(1)): `"+Inf"`, 0.25: "0.25", 1.5e-7: "1.5e-07"} {
		text, err := json.Marshal(Failure{Case: "c", Check: "forward", Error: d, Message: "m"})
		if err != nil || !strings.Contains(string(text), `"error":`+want) {
			t.Errorf("%v: %s, %v", d, text, err)
		}
	}
}
