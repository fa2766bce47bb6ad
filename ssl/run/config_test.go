package run

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/train"
)

// Go's %q would write \a and \xff, which TOML does not read.
func TestConfigFileReadsBackWhatWasWritten(t *testing.T) {
	set := datatest.Noise(40, 16, 1)
	for _, path := range []string{"photos", "a\ab", `it's "here" \ there`, "three ''' quotes", "é\tx\n# y", "\x7f\x01"} {
		m, err := ssl.New("dino")
		if err != nil {
			t.Fatal(err)
		}
		c := runConfig()
		c.Data, c.Method, c.Options = path, "dino", registry.Values(m)
		c.Resolve(set)
		if err := c.SetViews("", m, set); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), ConfigFile)
		if err := c.write(file, map[string]string{"stem": "flag"}, nil); err != nil {
			t.Fatal(err)
		}
		got, err := ReadConfig(file)
		if err != nil {
			t.Errorf("%q: %v", path, err)
		} else if got.Data != path || !slices.Equal(got.settings(), c.settings()) {
			t.Errorf("%q: read back %v, wrote %v", path, got.settings(), c.settings())
		}
	}
	dir := filepath.Join(t.TempDir(), "run")
	c := runConfig()
	c.Data = "photos\xff"
	if err := pretrain(t, dir, c, false, 0); !errors.As(err, new(*train.ConfigError)) || !strings.Contains(err.Error(), "not UTF-8") {
		t.Errorf("a path that is not UTF-8: %v", err)
	}
}
