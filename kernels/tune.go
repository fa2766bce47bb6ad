package kernels

import (
	"crypto/sha256"
	"encoding/binary"
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

	"marr/shaders"
	"marr/vk"
)

// Tuning is how thoroughly a Tuner searches.
type Tuning int

// The modes: no search, only the static rule; a few variants, 3 repeats each; all variants, 15 repeats each.
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
	unsaved bool // best has entries that the file lacks
}

// tuned is one entry of the file: the fastest kernel of a shape, and the mode of the search.
type tuned struct {
	Kernel string             `json:"kernel"`
	Mode   Tuning             `json:"mode"`
	Micros map[string]float64 `json:"microseconds"` // by kernel, median
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

// pick returns the fastest variant, and false if the static rule has to choose: no tuner, a single variant, or none could be timed.
func (t *Tuner) pick(g *Graph, c choice) (variant, bool) {
	if t == nil || t.mode == TuneOff || g.dev == nil || len(c.options) < 2 || c.launch == nil {
		return variant{}, false
	}
	if v, ok := t.best[c.key]; ok && v.Mode >= t.mode {
		if i := slices.IndexFunc(c.options, func(o variant) bool { return o.kernel == v.Kernel }); i >= 0 {
			return c.options[i], true
		}
	}
	found := tuned{Mode: t.mode, Micros: map[string]float64{}}
	var best variant
	var least time.Duration
	options := c.options
	if t.mode == TuneQuick {
		options = g.quickCandidates(c)
	}
	for _, v := range options {
		d, err := t.time(g, c.launch(v), least)
		if err != nil {
			continue // too little memory for it, or the driver cannot compile it
		}
		found.Micros[v.kernel] = float64(d.Nanoseconds()) / 1e3
		if least == 0 || d < least {
			best, least = v, d
		}
	}
	if least == 0 {
		return variant{}, false
	}
	found.Kernel = best.kernel
	t.best[c.key], t.unsaved = found, true
	return best, true
}

// quickCandidates returns the variants that are often best: on a CPU the lean kernels; on a GPU the tiled ones, and the lean ones if there are few
// output channels. If MARR_KERNELS allows none of them, it returns all.
func (g *Graph) quickCandidates(c choice) []variant {
	some := slices.DeleteFunc(slices.Clone(c.options), func(v variant) bool {
		if g.dev.Info().Type == vk.CPU {
			return v.tile != nil
		}
		return v.tile == nil && !c.narrow
	})
	if len(some) == 0 {
		return c.options
	}
	return some
}

// maxScratch is the most memory for timing a candidate, in bytes.
const maxScratch = 1 << 30

// timedFraction divides the work budget of a dispatch (vk.Device.WorkBudget, about half a second) to give the work of a timed dispatch.
const timedFraction = 100

// timedRows returns the number of rows of a launch to time: a fraction of the work, but on a GPU enough to keep it busy. A grid that leaves a GPU
// partly idle would favor small tiles.
func (g *Graph) timedRows(l launch) int {
	unit, most := max(l.unit, 1), g.slice(l)
	n := min(most, max(1, int(float64(l.rows)*g.limits.work/timedFraction/max(l.work, 1)))/unit*unit+unit)
	if g.dev.Info().Type == vk.CPU {
		return n
	}
	for n < most && l.groups(n)[0]*l.groups(n)[1]*l.groups(n)[2] < 4*minGroups {
		n = min(most, 2*n)
	}
	return n
}

// time returns the median time of a part of a launch on scratch memory. A candidate much slower than the best so far, `least` (0: none), is not repeated.
func (t *Tuner) time(g *Graph, l launch, least time.Duration) (took time.Duration, err error) {
	defer recoverBuildError(&err) // the device cannot bind this candidate
	n := g.timedRows(l)
	var need int64
	d := vk.Dispatch{Groups: l.groups(n), Label: "tune " + l.kernel, Work: l.work * float64(n) / float64(l.rows)}
	at := make([]int64, len(l.binds))
	size := make([]int64, len(l.binds))
	for i, b := range l.binds {
		at[i], size[i] = need, b.t.bytes()
		if b.split {
			size[i] = size[i] / int64(l.rows) * int64(n)
		}
		need += (size[i] + align - 1) / align * align
	}
	if need > maxScratch {
		return 0, fmt.Errorf("kernels: timing %s needs %d bytes: at most %d are used", l.kernel, need, int64(maxScratch))
	}
	scratch, err := g.dev.NewBuffer(need, vk.DeviceLocal, "tuning")
	if err != nil {
		return 0, err
	}
	defer scratch.Free()
	if d.Pipeline, err = pipelineFor(g.dev, l.kernel, l.spec); err != nil {
		return 0, err
	}
	for _, w := range l.push(0, n).pack(l.kernel) {
		d.Push = binary.LittleEndian.AppendUint32(d.Push, w)
	}
	for i, b := range l.binds {
		d.Bindings = append(d.Bindings, vk.Binding{Range: vk.Range{Buffer: scratch, Offset: at[i], Size: size[i]}, Access: b.access})
	}
	return t.repeat(g.dev, scratch, d, least)
}

// maxRepeatTime bounds the time for repeating one candidate.
const maxRepeatTime = 200 * time.Millisecond

// repeat runs a dispatch once to warm up, once to estimate its time, then 3 or 15 times, and returns the median. It stops early for a dispatch that
// is far slower than `least`: 20 times in the first run, which includes compilation, or twice in the second.
func (t *Tuner) repeat(dev *vk.Device, scratch *vk.Buffer, d vk.Dispatch, least time.Duration) (time.Duration, error) {
	first, err := timeRuns(dev, scratch, d, 1)
	if err != nil || least > 0 && first[0] > 20*least {
		return max(first[0], 1), err
	}
	if first, err = timeRuns(dev, scratch, d, 1); err != nil || least > 0 && first[0] > 2*least {
		return max(first[0], 1), err
	}
	n := 3
	if t.mode == TuneFull {
		n = 15
	}
	n = min(n, int(maxRepeatTime/max(first[0], 1)))
	if n < 2 {
		return max(first[0], 1), nil
	}
	times, err := timeRuns(dev, scratch, d, n)
	slices.Sort(times)
	return max(times[n/2], 1), err
}

// timeRuns returns the times of n runs of a dispatch, one after the other.
func timeRuns(dev *vk.Device, scratch *vk.Buffer, d vk.Dispatch, n int) ([]time.Duration, error) {
	times := make([]time.Duration, n)
	r := dev.NewRecorder()
	r.EnableTiming()
	r.Fill(scratch.All(), 0)
	for range n {
		r.Dispatch(d)
	}
	s, err := r.End()
	if err != nil {
		return times, err
	}
	defer s.Free()
	ticket, err := dev.Submit(s)
	if err != nil {
		return times, err
	}
	if err := ticket.Wait(); err != nil {
		return times, err
	}
	all, err := s.Times()
	if err == nil {
		times = all[1:]
	}
	return times, err
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
