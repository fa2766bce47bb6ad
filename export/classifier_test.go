package export

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/vk"
)

// Probabilities are below 1 and sum to 1, so float32 rounding stays near 1e-7.
func TestRuntimesAgreeWithTheDeviceOnTracedClassifiers(t *testing.T) {
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	const n, side, classes = 3, 17, 5
	for _, c := range []struct {
		hidden []int
		names  []string // of the head
	}{
		{nil, []string{"fc.bias", "fc.weight"}},
		{[]int{7, 6}, []string{"fc.0.bias", "fc.0.weight", "fc.2.bias", "fc.2.weight", "fc.4.bias", "fc.4.weight"}},
	} {
		t.Run(fmt.Sprint(c.hidden), func(t *testing.T) {
			st := kernels.NewStore(dev)
			defer st.Free()
			backbone := randomNet(t, st, resnet(t, "resnet10", "strided", 4, 3, ""))
			m := net.Scope{Store: st, Seed: 1}.Classifier(backbone, c.hidden, classes, false).Probabilities()
			x := make([]float32, n*3*side*side)
			rng.New(4).Uniform(x, -2, 2)
			dims := []int{n, 3, side, side}
			model, err := Trace(Backbone{Store: st, Module: m, Output: Probabilities, Height: side, Width: side, Channels: 3})
			if err != nil {
				t.Fatal(err)
			}
			file := mustMarshal(t, model)
			checkNames(t, st, file)
			var head []string
			for _, w := range model.Initializers {
				if strings.HasPrefix(w.Name, "fc.") {
					head = append(head, w.Name)
				}
			}
			if slices.Sort(head); !slices.Equal(head, c.names) {
				t.Errorf("the head's initializers are %v, want %v", head, c.names)
			}
			if model.Outputs[0].Name != "probabilities" || model.Name != "classifier" {
				t.Errorf("graph %s with output %s, want classifier and probabilities", model.Name, model.Outputs[0].Name)
			}
			want := outputs(t, dev, st, m, classes, x, dims)
			for i := range n {
				sum := 0.
				for _, p := range want[i*classes:][:classes] {
					sum += float64(p)
				}
				if math.Abs(sum-1) > 1e-6 {
					t.Errorf("the probabilities of image %d sum to %g", i, sum)
				}
			}
			for _, r := range runtimes(t) {
				if a, err := Compare(file, x, dims, want, r); err != nil || a.MaxAbsDiff > 1e-6 {
					t.Errorf("%+v, %v: want within 1e-6", a, err)
				}
			}
		})
	}
}

func TestSoftmaxOfAnotherTemperatureHasNoONNXForm(t *testing.T) {
	_, err := Trace(Backbone{Store: kernels.NewStore(nil), Module: warm{}, Output: Probabilities, Height: 8, Width: 8, Channels: 4})
	if err == nil || !strings.Contains(err.Error(), "temperature is 2") {
		t.Errorf("got %v, want a refusal that names the temperature", err)
	}
}

type warm struct{}

func (warm) Forward(x *kernels.Tensor, _ net.Mode) *kernels.Tensor {
	return kernels.Softmax(kernels.GlobalAvgPool(x), 2)
}
