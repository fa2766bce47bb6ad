package export

import (
	"bytes"
	"fmt"
	"io"
	"maps"

	"github.com/marr-ssl/marr/net"
)

// maxWeights is the size in bytes from which a file is not one of ours: 64 GiB.
const maxWeights = 1 << 36

// safetensors writes the tensors of a backbone and its metadata, without the graph, by the codec of package net.
type safetensors struct{}

func (safetensors) Name() string       { return "safetensors" }
func (safetensors) NeedsSamples() bool { return false }

func (safetensors) Write(path string, b Backbone) error {
	blobs, err := b.blobs()
	if err != nil {
		return err
	}
	return net.WriteFileAtomic(path, func(w io.Writer) error { return net.EncodeSafetensors(w, blobs, b.safetensorsMetadata()) })
}

func (safetensors) Read(path string) (*net.Weights, error) {
	raw, err := net.ReadFile(path, maxWeights)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	blobs, metadata, err := net.DecodeSafetensors(raw)
	if err != nil {
		return nil, fmt.Errorf("export: read %s: %w", path, err)
	}
	return &net.Weights{Path: path, Tensors: blobs, Metadata: metadata}, nil
}

// Verify compares every tensor with the store's, bit for bit, and the metadata.
func (safetensors) Verify(path string, b Backbone, _ Samples) (Verification, error) {
	fail := func(err error) (Verification, error) {
		return Verification{}, fmt.Errorf("export: verify %s: %w: write it again, to another disk", path, err)
	}
	raw, err := net.ReadFile(path, maxWeights)
	if err != nil {
		return fail(err)
	}
	got, metadata, err := net.DecodeSafetensors(raw)
	if err != nil {
		return fail(err)
	}
	want, err := b.blobs()
	if err != nil {
		return Verification{}, err
	}
	if len(got) != len(want) {
		return fail(fmt.Errorf("it holds %d tensors, the backbone has %d", len(got), len(want)))
	}
	for i := range want {
		if got[i].Name != want[i].Name || !bytes.Equal(got[i].Data, want[i].Data) {
			return fail(fmt.Errorf("tensor %q differs from the backbone's %q", got[i].Name, want[i].Name))
		}
	}
	if !maps.Equal(metadata, b.safetensorsMetadata()) {
		return fail(fmt.Errorf("the metadata differ"))
	}
	return Verification{Tensors: len(want)}, nil
}

func (b Backbone) blobs() ([]net.Blob, error) {
	tensors, err := b.tensors()
	if err != nil {
		return nil, err
	}
	var blobs []net.Blob
	for _, t := range tensors {
		blobs = append(blobs, net.FromFloat32s(t.Name, t.Dims, t.Float32))
	}
	return blobs, nil
}

// safetensorsMetadata adds the key that Hugging Face's readers expect of PyTorch weights.
func (b Backbone) safetensorsMetadata() map[string]string {
	m := map[string]string{"format": "pt"}
	maps.Copy(m, b.Metadata)
	return m
}
