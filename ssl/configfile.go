package ssl

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"marr/net"
	"marr/ssl/tomlfile"
)

// setting is one line of config.toml; values are compared as they are printed.
type setting struct{ key, value string }

// table lists a configuration in a fixed order; the method's options come last.
func (c Config) table() []setting {
	out := []setting{
		{"data", fmt.Sprintf("%q", c.Data)}, {"method", fmt.Sprintf("%q", c.Method)}, {"arch", fmt.Sprintf("%q", c.Arch)}, {"stem", fmt.Sprintf("%q", c.Stem)},
		{"width", fmt.Sprint(c.Width)}, {"bn", fmt.Sprintf("%q", c.BN)}, {"head_bn", fmt.Sprintf("%q", c.HeadBN)},
		{"size", fmt.Sprint(c.Size)}, {"epochs", fmt.Sprint(c.Epochs)}, {"batch", fmt.Sprint(c.Batch)},
		{"accumulate", fmt.Sprint(c.Accumulate)}, {"optimizer", fmt.Sprintf("%q", c.Optimizer)}, {"schedule", fmt.Sprintf("%q", c.Schedule)},
		{"base_lr", fmt.Sprint(c.BaseLR)}, {"lr", fmt.Sprint(c.LR)},
		{"weight_decay", fmt.Sprint(c.Decay)}, {"weight_decay_end", fmt.Sprint(c.DecayEnd)}, {"warmup", fmt.Sprint(c.Warmup)}, {"seed", fmt.Sprint(c.Seed)},
		{"clip", fmt.Sprint(c.Clip)}, {"clip_each", fmt.Sprint(c.ClipEach)}, {"views", "'''\n" + c.Views + "'''"},
	}
	for _, k := range slices.Sorted(maps.Keys(c.Options)) {
		out = append(out, setting{"options." + k, fmt.Sprint(c.Options[k])})
	}
	return out
}

// write writes config.toml: every setting with who chose it.
func (c Config) write(path string, origin map[string]string) error {
	var b strings.Builder
	b.WriteString("# What this run was started with; the comment says who chose it.\n")
	for _, s := range c.table() {
		who := origin[strings.ReplaceAll(strings.TrimPrefix(s.key, "options."), "-", "_")]
		if who == "" {
			who = "default"
		}
		fmt.Fprintf(&b, "%s = %s # %s\n", s.key, s.value, who)
	}
	return net.WriteFileAtomic(path, func(w io.Writer) error {
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// ReadConfig reads a run folder's config.toml.
func ReadConfig(path string) (Config, error) {
	var c Config
	text, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("ssl: %w", err)
	}
	if err := tomlfile.Decode(string(text), &c); err != nil {
		return c, fmt.Errorf("ssl: %s: %w", path, err)
	}
	return c, nil
}
