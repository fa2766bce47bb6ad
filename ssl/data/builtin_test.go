package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

var builtins sync.Map // by name

// open returns a built-in set, which all tests share.
func open(t *testing.T, name string) *Set {
	t.Helper()
	if s, ok := builtins.Load(name); ok {
		return s.(*Set)
	}
	s := openSize(t, name, 0)
	builtins.Store(name, s)
	return s
}

// firstFingerprint computes the fingerprint of the format before sets could hold images of different sizes.
func firstFingerprint(s *Set) string {
	h, w, _ := s.Size()
	head := []byte("marr data set 1\n")
	for _, v := range []int{s.Len(), h, w, s.C, len(s.Labels)} {
		head = binary.LittleEndian.AppendUint64(head, uint64(v))
	}
	sum := sha256.New()
	sum.Write(head)
	sum.Write(s.bytes)
	for _, l := range s.Labels {
		binary.Write(sum, binary.LittleEndian, l)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// The fingerprints were made by this generator. Checkpoints and every number measured on these sets depend on them; a change of the
// embedded file or of the geometry must be intended, and must update these lines.
func TestBuiltinsHaveTheirFingerprints(t *testing.T) {
	for name, want := range map[string]string{
		"builtin:fashion":             "90c0fd87a324ecdbbbec0ebee072a3a7c18d0f8c4e9c22e56a8fdbab62ba2e10",
		"builtin:fashion:test":        "82b8fdd9a17214d3aadf476600d54fb02a3474458985366bfe7a13d089f83d11",
		"builtin:fashion-placed":      "47f379fe7945e6a0d940411629cbd2985a144bc53e0579e6816815652c8a9255",
		"builtin:fashion-placed:test": "d8b6143a3c8f5839ddc7af910bd6e2ae8cc659a36d19791fb2f2d546c462a275",
		"builtin:fashion-tinted":      "f39995c61fad5b20bfd0868f3e27e265770d8dbfea9bf92d0dd5b95dd9f97b6c",
		"builtin:fashion-tinted:test": "f68932809a8fba32a0d25929134b39b0ea2b2eaa479b8272d32d6b8a928ff38c",
	} {
		s := open(t, name)
		if got := firstFingerprint(s); got != want {
			t.Errorf("%s: fingerprint %s, want %s", name, got, want)
		}
	}
}

func TestBuiltinsHaveTheirDeclaredSizesAndAllClasses(t *testing.T) {
	for _, name := range Builtins() {
		s := open(t, name)
		n, side, channels := 10000, 28, 1
		if strings.HasSuffix(name, ":test") {
			n = 2000
		}
		if strings.Contains(name, "-") {
			side = 32
		}
		if strings.Contains(name, "tinted") {
			channels = 3
		}
		h, w, uniform := s.Size()
		if s.Name != name || s.Len() != n || len(s.Labels) != n || h != side || w != side || !uniform || s.C != channels || s.MaxPixels() != side*side {
			t.Errorf("%s: %s: %d images of %d×%d×%d, %d labels", name, s.Name, s.Len(), h, w, s.C, len(s.Labels))
		}
		count := make([]int, 10)
		for _, l := range s.Labels {
			count[l]++
		}
		// Fashion-MNIST is balanced; the first n of its shuffled order are balanced within five standard deviations, 5·√(0.09n).
		for l, k := range count {
			if d := k - n/10; d*d > 25*9*n/100 {
				t.Errorf("%s: %d images of %s", name, k, s.Classes[l])
			}
		}
	}
}

func TestFirstFashionImagesCarryTheirPublishedLabels(t *testing.T) {
	// The first bytes of the published label files: zcat train-labels-idx1-ubyte.gz | od -An -tu1 -j8 -N8, and the same of t10k.
	if got, want := open(t, "builtin:fashion").Labels[:8], []int32{9, 0, 0, 3, 0, 2, 7, 2}; !slices.Equal(got, want) {
		t.Errorf("training labels %v, want %v", got, want)
	}
	if got, want := open(t, "builtin:fashion:test").Labels[:8], []int32{9, 2, 1, 1, 6, 1, 4, 6}; !slices.Equal(got, want) {
		t.Errorf("test labels %v, want %v", got, want)
	}
}

func TestPlacedSetDoesNotDependOnTheNumberOfProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one := openSize(t, "builtin:fashion-tinted:test", 0).Fingerprint()
	runtime.GOMAXPROCS(7)
	if seven := openSize(t, "builtin:fashion-tinted:test", 0).Fingerprint(); one != seven {
		t.Errorf("one processor %s, seven %s", one, seven)
	}
}

func TestLicenseOfTheImagesIsEmbedded(t *testing.T) {
	for _, part := range []string{"Copyright (c) 2017 Zalando SE", "MIT License", "Permission is hereby granted"} {
		if !strings.Contains(FashionLicense, part) {
			t.Errorf("license lacks %q", part)
		}
	}
}
