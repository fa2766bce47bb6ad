package main

import (
	"os"
	"testing"
)

// MARR_CACHE is off in these tests. Windows keeps a file that is mapped.
func TestDecodedImagesLeaveNoFileWhenCachesAreOff(t *testing.T) {
	t.Parallel()
	set, temp := pictures32(t), t.TempDir()
	r := call(t, []string{"TMPDIR=" + temp, "TMP=" + temp, "TEMP=" + temp}, "eval", "knn", "--model", "raw", "--train", set, "--test", set)
	if r.status != 0 {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left %v (%v)", left, err)
	}
}
