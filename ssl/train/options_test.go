package train

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

// Temperatures are above 0 and momenta in (0.5, 1], as flags and as fields. BYOL also accepts a momentum of 0 (no momentum encoder), and DINO any
// momentum of the center in [0, 1]. The defaults are within bounds, and widths are not negative.
func TestEveryMethodRefusesTemperaturesAndMomentaOutOfBounds(t *testing.T) {
	for _, name := range ssl.Methods() {
		m, err := ssl.New(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range registry.Options(m) {
			var wrong []string
			switch {
			case strings.HasSuffix(o.Name, "temperature") || strings.HasSuffix(o.Name, "temperature-start"):
				wrong = []string{"0", "-0.1", "NaN"}
			case o.Name == "momentum":
				wrong = []string{"0.5", "1.01", "NaN"}
			}
			if text := fmt.Sprint(o.Get()); o.Set(text) != nil {
				t.Errorf("%s: --%s: its default %s is refused", name, o.Name, text)
			}
			if _, whole := o.Get().(int); whole && o.Set("-1") == nil {
				t.Errorf("%s: --%s -1 is accepted", name, o.Name)
			}
			for _, text := range wrong {
				if err := o.Set(text); err == nil || !strings.Contains(err.Error(), "above 0") {
					t.Errorf("%s: --%s %s: %v", name, o.Name, text, err)
				}
				refusedByLoss(t, name, o.Name, text)
			}
		}
	}
}

// refusedByLoss sets a field to a value out of bounds, as Go code can, and checks that building the trainer fails.
func refusedByLoss(t *testing.T, method, option, text string) {
	t.Helper()
	m, err := ssl.New(method)
	if err != nil {
		t.Fatal(err)
	}
	v := reflect.ValueOf(m).Elem()
	for i := range v.NumField() {
		switch v.Type().Field(i).Tag.Get("flag") {
		case option:
			v.Field(i).SetFloat(map[string]float64{"NaN": math.NaN(), "0": 0, "-0.1": -0.1, "0.5": 0.5, "1.01": 1.01}[text])
		case "teacher-temperature-warmup": // without a warm-up, no start temperature is used
			v.Field(i).SetFloat(0.5)
		}
	}
	c := configFor(m)
	c.Size = 32
	set := datatest.Noise(16, 32, 1)
	if x, err := New(kernels.NewStore(device), c, Job{Method: taught(m, set), Set: set}); err == nil {
		x.Free()
		t.Errorf("%s with %s %s was built", method, option, text)
	}
}
