package kernels

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/marr-ssl/marr/shaders"
	"github.com/marr-ssl/marr/vk"
)

// Tuning is how thoroughly a Tuner searches.
type Tuning int

// The modes: no search, only the static rule; a few variants, three times each; all variants, 15 times each.
const (
	TuneOff Tuning = iota
	TuneQuick
	TuneFull
)

var tunings = [...]string{"off", "quick", "full"}

// String returns the mode's name.
func (t Tuning) String() string { return tunings[t] }

// ParseTuning returns the mode of a name; "" is the device's default: off on CPU devices, quick elsewhere.
func ParseTuning(name string, dev vk.Info) (Tuning, error) {
	if name == "" {
		if dev.Type == vk.CPU {
			return TuneOff, nil
		}
		return TuneQuick, nil
	}
	if i := slices.Index(tunings[:], name); i >= 0 {
		return Tuning(i), nil
	}
	return 0, fmt.Errorf("kernels: tuning %q: known are %s", name, strings.Join(tunings[:], ", "))
}

// Tuner finds the fastest variant for each pass and shape. It times the candidates on scratch memory while a program is recorded, before the
// program's own memory is allocated. A file keeps the results, so each shape is timed once for each device, driver, set of shaders and value of
// MARR_KERNELS.
type Tuner struct {
	mode    Tuning
	path    string // of the file; "": results are not saved
	warn    func(string)
	best    map[string]tuned
	unsaved bool      // best has entries that the file lacks
	busy    time.Time // when the device last ran a timed dispatch
}

// tuned is one entry of the file: the fastest kernel of a shape, and the mode of the search.
type tuned struct {
	Kernel string             `json:"kernel"` // "": that of the static rule, since the device was lost while it was timed
	Mode   Tuning             `json:"mode"`
	Micros map[string]float64 `json:"microseconds"` // by kernel: the shortest time, extrapolated to the whole launch
}

// NewTuner returns a tuner that saves its results in folder dir ("": nowhere). An unreadable file is ignored and later rewritten. warn (may be nil)
// is called for the first problem.
func NewTuner(dev *vk.Device, mode Tuning, dir string, warn func(string)) *Tuner {
	t := &Tuner{mode: mode, best: map[string]tuned{}}
	var once sync.Once
	t.warn = func(text string) {
		if warn != nil {
			once.Do(func() { warn(text) })
		}
	}
	if mode == TuneOff || dir == "" {
		return t
	}
	d := dev.Info()
	t.path = filepath.Join(dir, fmt.Sprintf("tune-%04x-%04x-%s-%08x-%s.json", d.VendorID, d.DeviceID, d.UUID, d.DriverVersion, candidatesHash(dev)))
	text, err := os.ReadFile(t.path)
	if err == nil {
		err = json.Unmarshal(text, &t.best)
	}
	if err == nil && t.best == nil { // null is JSON too
		err = errors.New("the file is empty")
	}
	if err != nil && !os.IsNotExist(err) {
		t.best = map[string]tuned{}
		t.warn(fmt.Sprintf("tuning results %s cannot be read and will be measured again: %v", t.path, err))
	}
	return t
}

// Mode returns the tuner's mode.
func (t *Tuner) Mode() Tuning { return t.mode }

// candidatesHash returns a hash of all shaders and of MARR_KERNELS: the best of a restricted set may not be the best of all.
func candidatesHash(dev *vk.Device) string {
	h := sha256.New()
	fmt.Fprintln(h, forcedWords(dev.Settings()))
	for _, name := range shaders.Names() {
		code, err := shaders.SPIRV(name)
		if err != nil {
			panic(err) // Names listed it
		}
		fmt.Fprintln(h, name, code)
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// SetTuner makes programs built from now on use the variants that the tuner finds; without a tuner, the static rule chooses.
func (s *Store) SetTuner(t *Tuner) { s.tuner = t }

// pick returns the fastest variant, and false if the static rule has to choose: no tuner, a single variant, none could be timed, or timing lost the device.
func (t *Tuner) pick(g *Graph, c choice) (variant, bool) {
	if t == nil || t.mode == TuneOff || g.dev == nil || len(c.options) < 2 || c.launch == nil || g.dev.Lost() {
		return variant{}, false
	}
	if v, ok := t.best[c.key]; ok && v.Mode >= t.mode {
		if v.Kernel == "" {
			return variant{}, false
		}
		if i := slices.IndexFunc(c.options, func(o variant) bool { return o.kernel == v.Kernel }); i >= 0 {
			return c.options[i], true
		}
	}
	options := c.options
	if t.mode == TuneQuick {
		options = g.quickCandidates(c)
	}
	micros := t.measure(g, options, c.launch)
	if g.dev.Lost() { // perhaps because of one of these kernels: do not try them again
		t.best[c.key], t.unsaved = tuned{Mode: t.mode}, true
		return variant{}, false
	}
	if len(micros) == 0 {
		return variant{}, false
	}
	best := options[slices.IndexFunc(options, func(v variant) bool { return micros[v.kernel] > 0 })]
	for _, v := range options {
		if m := micros[v.kernel]; m > 0 && m < micros[best.kernel] {
			best = v
		}
	}
	t.best[c.key], t.unsaved = tuned{best.kernel, t.mode, micros}, true
	return best, true
}

// quickCandidates returns the variants that are often best: on a CPU the lean kernels; on a GPU the tiled ones, and the others if there are few output
// channels. If MARR_KERNELS allows none of them, or they do not fit the GPU, it returns all.
func (g *Graph) quickCandidates(c choice) []variant {
	some := slices.DeleteFunc(slices.Clone(c.options), func(v variant) bool {
		if g.dev.Info().Type == vk.CPU {
			return v.tile != nil || v.small()
		}
		return v.tile == nil && !c.narrow
	})
	if len(some) == 0 {
		return c.options
	}
	return some
}

// save writes new results to the file.
func (t *Tuner) save() {
	if t == nil || !t.unsaved || t.path == "" {
		return
	}
	t.unsaved = false
	text, err := json.MarshalIndent(t.best, "", " ")
	if err == nil {
		err = vk.WriteFileAtomic(t.path, text)
	}
	if err != nil {
		t.warn(fmt.Sprintf("tuning results cannot be saved: %v", err))
	}
}
