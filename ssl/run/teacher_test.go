package run

import (
	"errors"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

func TestRunIsNotResumedWithOtherFeaturesOfATeacher(t *testing.T) {
	c, set := runConfig(), datatest.Noise(24, 16, 1)
	c.Method = "distill"
	dir := t.TempDir()
	if err := pretrainOn(t, set, dir, c, false, 3); !errors.Is(err, ErrStopped) {
		t.Fatalf("%v, want ErrStopped", err)
	}
	m := taught(&ssl.Distill{}, set).(*ssl.Distill)
	if text := string(content(t, dir, ConfigFile)); !strings.Contains(text, "\nteacher = \""+m.Teacher.Fingerprint()+"\" # default\n") {
		t.Errorf("%s: no fingerprint of the teacher's features", text)
	}
	m.Teacher.Values[7]++
	r := &Run{Dir: dir, Resume: true, Config: c, Method: m, Set: set}
	if _, err := r.Pretrain(t.Context(), device); err == nil || !strings.Contains(err.Error(), "cannot resume: it was started with other features of a teacher") {
		t.Errorf("%v", err)
	}
	if err := pretrainOn(t, set, dir, c, true, 0); err != nil {
		t.Error(err)
	}
}
