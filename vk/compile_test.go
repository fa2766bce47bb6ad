package vk

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Twenty kernels, some of them twice, compiled at once, are those that Pipeline returns one by one.
func TestPipelinesAreInOrder(t *testing.T) {
	var ks []Kernel
	for i := range 20 {
		ks = append(ks, affine(uint32(700+i%15)))
	}
	all, err := dev.Pipelines(ks)
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range ks {
		if one := must[*Pipeline](t)(dev.Pipeline(k)); one != all[i] {
			t.Errorf("pipeline %d is another one", i)
		}
	}
	if none, err := dev.Pipelines(nil); err != nil || len(none) != 0 {
		t.Errorf("%v, %v of no kernels", none, err)
	}
}

// Of several kernels that cannot be compiled, the error names the first one in order, however the goroutines are scheduled.
func TestPipelinesReturnTheFirstError(t *testing.T) {
	for range 20 {
		ks := make([]Kernel, 30)
		for i := range ks {
			if ks[i] = affine(uint32(720 + i)); i >= 7 {
				ks[i].Name, ks[i].Bindings = fmt.Sprintf("broken%d", i), 0
			}
		}
		if all, err := dev.Pipelines(ks); err == nil || all != nil || !strings.Contains(err.Error(), "broken7") {
			t.Fatalf("error %v, want that of broken7", err)
		}
	}
}

func TestCompilingReportsProgress(t *testing.T) {
	var mu sync.Mutex
	var calls []string
	d, err := Open("", Options{Compiling: func(done, total int) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, fmt.Sprint(done, "/", total))
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	must[[]*Pipeline](t)(d.Pipelines([]Kernel{affine(1), affine(2), affine(3)}))
	if want := []string{"0/3", "1/3", "2/3", "3/3"}; !slices.Equal(calls, want) {
		t.Errorf("calls %v, want %v", calls, want)
	}
	calls = nil
	bad := affine(4)
	bad.Bindings = 0
	if _, err := d.Pipelines([]Kernel{bad}); err == nil || !slices.Equal(calls, []string{"0/1", "1/1"}) {
		t.Errorf("error %v, calls %v: the last call must say that compilation ended", err, calls)
	}
}
