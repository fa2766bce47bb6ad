package vk

import "fmt"

// Records a kernel that computes dst = 3·src + 1 once and replays it on values that the host writes.
func Example() {
	d, err := Open("", Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close() // frees the buffers and the segment too
	src, _ := d.NewBuffer(16, Upload, "src")
	dst, _ := d.NewBuffer(16, Readback, "dst")
	triple, err := d.Pipeline(affine(3))
	if err != nil {
		fmt.Println(err)
		return
	}
	r := d.NewRecorder()
	r.Dispatch(Dispatch{
		Pipeline: triple,
		Bindings: []Binding{{Range: src.All(), Access: Read}, {Range: dst.All(), Access: Write}},
		Push:     push(uint32(1)),
		Groups:   [3]uint32{1, 1, 1},
	})
	step, err := r.End()
	if err != nil {
		fmt.Println(err)
		return
	}
	for x := range byte(3) {
		src.Bytes()[0] = x
		t, err := d.Submit(step)
		if err == nil {
			err = t.Wait()
		}
		fmt.Println(dst.Bytes()[0], err)
	}
	// Output:
	// 1 <nil>
	// 4 <nil>
	// 7 <nil>
}
