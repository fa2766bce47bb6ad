// Package evaluate is the command line of readers in Go: READER FILE IMAGES FEATURES N C H W (see tools/exports/readers.go).
package evaluate

import (
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"strconv"
)

// Main prints the version and writes the features that evaluate returns for the images x [dims] and an ONNX file.
func Main(version string, evaluate func(file string, x []float32, dims []int) ([]float32, error)) {
	log.SetFlags(0)
	fmt.Println(version)
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4:], evaluate); err != nil {
		log.Fatal(err)
	}
}

func run(file, images, features string, sizes []string, evaluate func(file string, x []float32, dims []int) ([]float32, error)) error {
	var dims []int
	for _, s := range sizes {
		d, err := strconv.Atoi(s)
		if err != nil {
			return err
		}
		dims = append(dims, d)
	}
	raw, err := os.ReadFile(images)
	if err != nil {
		return err
	}
	x := make([]float32, len(raw)/4)
	if _, err := binary.Decode(raw, binary.LittleEndian, x); err != nil {
		return err
	}
	y, err := evaluate(file, x, dims)
	if err != nil {
		return err
	}
	if raw, err = binary.Append(nil, binary.LittleEndian, y); err != nil {
		return err
	}
	return os.WriteFile(features, raw, 0o666)
}
