package idx

import (
	"bytes"
	"testing"
)

// An array that Read accepts has the size of its dimensions, and Write gives its bytes back.
func FuzzRead(f *testing.F) {
	f.Add(three)
	f.Add([]byte{0, 0, 8, 1, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		var w bytes.Buffer
		if err := Write(&w, a); err != nil || !bytes.HasPrefix(b, w.Bytes()) {
			t.Fatalf("dimensions %v, %d bytes: %v", a.Dims, len(a.Data), err)
		}
	})
}
