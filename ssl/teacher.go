package ssl

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
)

// TeacherFeatures are the features that a teacher, a trained network, gives to the images of a data set: a row for each image, in the order of the set.
type TeacherFeatures struct {
	Dim    int       // numbers in a row
	Values []float32 // row-major
}

// Rows returns the number of rows.
func (t *TeacherFeatures) Rows() int { return len(t.Values) / max(t.Dim, 1) }

// Row returns row i, which shares the memory of t.
func (t *TeacherFeatures) Row(i int) []float32 { return t.Values[i*t.Dim : (i+1)*t.Dim] }

// Check returns an error unless t has a row of finite numbers for each of a number of images, and rows differ.
func (t *TeacherFeatures) Check(images int) error {
	if t.Dim < 1 || len(t.Values) != t.Rows()*t.Dim || t.Rows() != images {
		return fmt.Errorf("ssl: the teacher's features have %d rows of %d numbers, and there are %d images: want a row for each image, in the order of the images", t.Rows(), t.Dim, images)
	}
	equal := true
	for i, v := range t.Values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("ssl: the teacher's features have %v as number %d of row %d, both counted from 0: want finite numbers", v, i%t.Dim, i/t.Dim)
		}
		equal = equal && v == t.Values[i%t.Dim]
	}
	if equal {
		return fmt.Errorf("ssl: the teacher's features are the same for all %d images: there is nothing to learn from them: give another teacher", images)
	}
	return nil
}

// Fingerprint returns the SHA-256 (hex) of the features, which a run depends on.
func (t *TeacherFeatures) Fingerprint() string {
	h, word := sha256.New(), make([]byte, 4)
	fmt.Fprintln(h, t.Rows(), t.Dim)
	for _, v := range t.Values {
		binary.LittleEndian.PutUint32(word, math.Float32bits(v))
		h.Write(word)
	}
	return hex.EncodeToString(h.Sum(nil))
}
