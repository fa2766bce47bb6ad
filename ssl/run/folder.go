package run

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
)

// CheckFolder returns the error with which Run.Pretrain refuses a folder because of its files, or because another process trains in it. Commands call it before
// they open the images.
func CheckFolder(dir string, resume bool) error {
	r := &Run{Dir: dir, Resume: resume, Notice: func(string, ...any) {}}
	defer r.release()
	_, err := r.check()
	return err
}

// open returns the checkpoint that the run resumes from, nil for none, and locks a folder that holds a run. It refuses such a folder unless Resume is set
// and the run is the same.
func (r *Run) open() (*net.Checkpoint, error) {
	if used, err := r.check(); !used || err != nil {
		return nil, err
	}
	c, note, err := net.LoadNewest(filepath.Join(r.Dir, CheckpointFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, r.compareUnsaved()
	}
	if err != nil {
		return nil, err
	}
	if r.fellBack = note != ""; r.fellBack {
		r.Notice("%s", note)
	}
	return c, r.compare(c)
}

// check reports whether the folder holds a run, and then locks it. It refuses a run that is not to be resumed, and files that a new run would overwrite.
func (r *Run) check() (used bool, err error) {
	entries, err := os.ReadDir(r.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, fmt.Errorf("run: %w: choose another folder", err)
	}
	var others []string
	for _, e := range entries {
		switch name := e.Name(); name {
		case ConfigFile:
			used = true
		case CheckpointFile, previousFile:
			used = used || r.Resume
			fallthrough
		default:
			others = append(others, name)
		}
	}
	if used {
		if err := r.acquire(); err != nil {
			return true, err
		}
		if !r.Resume {
			return true, fmt.Errorf("run: %s: the folder already holds a run: add --resume to continue it, or choose another folder", r.Dir)
		}
		return true, nil
	}
	for _, name := range others {
		if snapshot, _ := filepath.Match("checkpoint-*.ckpt", name); snapshot || slices.Contains(files, name) {
			return false, fmt.Errorf("run: %s: it has a file %s, but no %s of a run: training would overwrite the file: choose another folder", r.Dir, name, ConfigFile)
		}
	}
	if others = slices.DeleteFunc(others, func(name string) bool { return name == lockFile }); len(others) > 0 {
		r.Notice("%s holds other files (%s): those of the run are written beside them", r.Dir, listed(others, 3))
	}
	return false, nil
}

// listed returns the first names of a list, in quotes if they have control characters, and how many more there are.
func listed(names []string, most int) string {
	var out []string
	for i, name := range names {
		if i == most {
			out = append(out, fmt.Sprintf("%d more", len(names)-most))
			break
		}
		out = append(out, printable(name))
	}
	return strings.Join(out, ", ")
}

// printable returns a name from outside for a message, in quotes if it has control characters.
func printable(name string) string {
	if data.Printable(name) != name {
		return strconv.Quote(name)
	}
	return name
}

// compare returns an error if the run of a checkpoint differs from this run, but for the views. The same images under another path are no difference.
func (r *Run) compare(c *net.Checkpoint) error {
	was := DefaultConfig() // for settings that are newer than the run
	if err := json.Unmarshal(c.Meta.Config, &was); err != nil {
		return fmt.Errorf("run: %s: its configuration cannot be read: %w: start again in another folder", r.Dir, err)
	}
	if err := r.compareConfig(was); err != nil {
		return err
	}
	switch {
	case c.Meta.Data != r.data && was.Data != r.Config.Data:
		return r.differs(fmt.Sprintf("it was started with the images of %s, and those of %s are others", printable(was.Data), printable(r.Config.Data)), "use the same images, or choose another folder")
	case c.Meta.Data != r.data:
		return r.differs("the images of "+printable(r.Set.Name)+" have changed", "restore them, or choose another folder")
	}
	if was.Data != r.Config.Data {
		r.Notice("the images are read from %s now: the run was started with %s, which had the same", printable(r.Config.Data), printable(was.Data))
	}
	return nil
}

// compareUnsaved is compare for a run without a checkpoint, which starts again at step 0. Its images may have changed.
func (r *Run) compareUnsaved() error {
	was, err := ReadConfig(filepath.Join(r.Dir, ConfigFile))
	if err != nil {
		return fmt.Errorf("%w: start again in another folder", err)
	}
	return r.compareConfig(was)
}

// compareConfig returns an error if the settings of the run that is resumed differ from those of this run, but for the views.
func (r *Run) compareConfig(was Config) error {
	was.Resolve(r.Set)
	was.addOptions()
	r.resumedViews = was.Views
	if !r.Config.sameInit(was) {
		return r.differs("it was started from other weights", "use the same ones, or choose another folder")
	}
	if r.Config.Teacher != was.Teacher {
		return r.differs("it was started with other features of a teacher", "use the same ones, or choose another folder")
	}
	if n := was.SyncedRanks; r.Config.SyncBN && was.SyncBN && n != r.Config.SyncedRanks {
		return r.differs(fmt.Sprintf("with --sync-bn, batch norm normalized over %d devices together, and now the number of devices is %d", n, r.Config.SyncedRanks), "use as many devices, or choose another folder")
	}
	return r.compareSettings(was)
}

// addOptions adds the options of the method that the configuration lacks, because they are newer, with their defaults.
func (c *Config) addOptions() {
	m, err := ssl.New(c.Method)
	if err != nil {
		return // the comparison of the methods reports it
	}
	options := registry.Values(m)
	maps.Copy(options, c.Options)
	c.Options = options
}

// compareViews returns an error if the run that is resumed has other views.
func (r *Run) compareViews() error {
	if r.resumedViews == "" || r.resumedViews == r.Config.Views {
		return nil
	}
	return r.differs("it was started with other views (see "+ConfigFile+")", "leave --views out, or choose another folder")
}

func (r *Run) differs(what, remedy string) error {
	return fmt.Errorf("run: %s: cannot resume: %s: %s", r.Dir, what, remedy)
}

// sameInit reports whether two runs start from the same weights.
func (c Config) sameInit(other Config) bool {
	if c.Init == nil || other.Init == nil {
		return c.Init == other.Init
	}
	return c.Init.Weights == other.Init.Weights
}

// compareSettings returns an error for a setting that differs, first of all for one that a flag sets.
func (r *Run) compareSettings(was Config) error {
	old := map[string]string{}
	for _, x := range was.settings() {
		old[x.key] = x.value
	}
	_, halted := os.Stat(filepath.Join(r.Dir, haltedFile))
	var first *setting
	for _, x := range r.Config.settings() {
		if old[x.key] == x.value || x.key == "data" || x.key == "views" || halted == nil && slices.Contains(mayChange, x.key) {
			continue
		}
		if x.origin(r.Origin) == "flag" {
			return r.differs(conflict(r.Dir, x, old))
		}
		if first == nil {
			first = &x
		}
	}
	if first == nil {
		return nil
	}
	then, known := old[first.key]
	if !known {
		return r.differs(fmt.Sprintf("it was started before the setting %s existed", first.key), "use the version of marr that wrote it, or choose another folder")
	}
	return r.differs(fmt.Sprintf("it was started with %s = %s, now it is %s (%s)", first.key, then, first.value, first.origin(r.Origin)), "use the same settings, or choose another folder")
}

// conflict describes a setting that a flag changes, and what to do.
func conflict(dir string, x setting, old map[string]string) (what, remedy string) {
	flag := "--" + strings.ReplaceAll(x.name(), "_", "-")
	what = fmt.Sprintf("%s %s: it was started with %s", flag, unquoted(x.value), cmp.Or(unquoted(old[x.key]), "no such setting"))
	if x.key == "epochs" {
		return what, "the schedule of a run is fixed at its start; to train for longer, begin a new one from its weights, in another folder, with --init " + dir
	}
	return what, fmt.Sprintf("leave %s out, or choose another folder", flag)
}

// unquoted returns a setting without the quotes of TOML.
func unquoted(value string) string { return strings.Trim(value, `"`) }
