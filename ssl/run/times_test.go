package run

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEachProcessAddsItsTimes(t *testing.T) {
	dir := t.TempDir()
	if err := pretrain(t, dir, runConfig(), false, 5); !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	if err := pretrain(t, dir, runConfig(), true, 0); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, TimesFile))
	if err != nil {
		t.Fatal(err)
	}
	step, sessions, seconds := 0, 0, 0.0
	for line := range strings.Lines(string(raw)) {
		var x Time
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatal(err)
		}
		if x.Started != "" {
			sessions, seconds = sessions+1, 0
			if x.Step != step || x.Device == "" {
				t.Errorf("after step %d: %s", step, line)
			}
			continue
		}
		if x.Step != step+1 || x.Seconds < seconds || x.ImagesPerSecond <= 0 { // equal: the clock of Windows ticks every 16 ms
			t.Errorf("after step %d at %v s: %s", step, seconds, line)
		}
		step, seconds = x.Step, x.Seconds
	}
	if step != 12 || sessions != 2 {
		t.Errorf("%d steps in %d processes, want 12 in 2", step, sessions)
	}
}
