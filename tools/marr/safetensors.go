package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"marr/kernels"
	"marr/net"
)

// writeSafetensors writes the backbone alone, by torchvision's names and in PyTorch's layouts, with the metadata of the ONNX file.
func (x exporter) writeSafetensors(path string) error {
	raw, err := x.safetensors()
	if err != nil {
		return err
	}
	return net.WriteFileAtomic(path, func(w io.Writer) error {
		_, err := w.Write(raw)
		return err
	})
}

func (x exporter) safetensors() ([]byte, error) {
	st, _, err := x.s.network(x.dev)
	if err != nil {
		return nil, err
	}
	defer st.Free()
	blobs, err := tensors(st)
	if err != nil {
		return nil, err
	}
	about := x.metadata()
	about["format"] = "pt" // what readers in Python look for
	var b bytes.Buffer
	err = net.EncodeSafetensors(&b, blobs, about)
	return b.Bytes(), err
}

// tensors are the parameters and running statistics of a store.
func tensors(st *kernels.Store) ([]net.Blob, error) {
	var blobs []net.Blob
	for _, p := range st.Params() {
		v, err := p.Read()
		if err != nil {
			return nil, err
		}
		shape, v := net.ToTorch(p.Shape, v)
		blobs = append(blobs, net.FromFloat32s(p.Name, shape, v))
	}
	for _, s := range st.States() {
		if strings.HasPrefix(s.Name, "marr.") { // of the device program
			continue
		}
		v, err := s.Read()
		if err != nil {
			return nil, err
		}
		blobs = append(blobs, net.FromFloat32s(s.Name, s.Shape, v))
	}
	return blobs, nil
}

// checkSafetensors reads the file back and compares every tensor with the run's; it returns their number.
func (x exporter) checkSafetensors(path string) (int, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	got, about, err := net.DecodeSafetensors(raw)
	if err != nil {
		return 0, err
	}
	delete(about, "format")
	st, _, err := x.s.network(x.dev)
	if err != nil {
		return 0, err
	}
	defer st.Free()
	want, err := tensors(st)
	if err != nil {
		return 0, err
	}
	same := len(got) == len(want) && maps.Equal(about, x.metadata())
	for i := 0; same && i < len(want); i++ {
		same = got[i].Name == want[i].Name && bytes.Equal(got[i].Data, want[i].Data)
	}
	if !same {
		return 0, fmt.Errorf("%s: what was read back is not what was written: the disk or the codec is at fault: write it again elsewhere", path)
	}
	return len(got), nil
}
