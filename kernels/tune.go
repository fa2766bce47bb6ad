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

	"marr/shaders"
	"marr/vk"
)

// Tuning says how much time a Tuner may take.
type Tuning int

// The ways of tuning: by the static rule alone; a few variants, timed a few times; all variants, timed thoroughly.
const (
	TuneOff Tuning = iota
	TuneQuick
	TuneFull
)

var tunings = [...]string{"off", "quick", "full"}

// String returns the name.
func (t Tuning) String() string { return tunings[t] }

// ParseTuning finds a way of tuning by its name; "" is the default for a device: quick, but off on CPU devices.
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

// Tuner finds, for each pass and shape, the variant that is fastest on a device, by timing the candidates on scratch memory while a program is
// being recorded, before its own memory is taken. What it found is kept in a file, so that it times a shape once a device, driver, set of shaders and
// MARR_KERNELS.
type Tuner struct {
	mode    Tuning
	path    string // "": nothing is kept
	warn    func(string)
	best    map[string]tuned
	unsaved bool // best holds entries that the file does not
}

// tuned is one line of the file: the kernel that a shape got, and how thorough the search was.
type tuned struct {
	Kernel string             `json:"kernel"`
	Mode   Tuning             `json:"mode"`
	Micros map[string]float64 `json:"microseconds"` // by kernel, median
}

// NewTuner makes a tuner that keeps its findings in folder dir ("": nowhere). A file there that cannot be used is ignored and later
// rewritten; warn (nil: nobody) is called once.
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
	t.path = filepath.Join(dir, fmt.Sprintf("tune-%s-%08x-%s.json", d.UUID, d.DriverVersion, candidates(dev)))
	text, err := os.ReadFile(t.path)
	if err == nil {
		err = json.Unmarshal(text, &t.best)
	}
	if err == nil && t.best == nil { // null is JSON too
		err = errors.New("it holds nothing")
	}
	if err != nil && !os.IsNotExist(err) {
		t.best = map[string]tuned{}
		t.warn(fmt.Sprintf("tuning results %s cannot be read and will be made again: %v", t.path, err))
	}
	return t
}

// Mode is the way of tuning.
func (t *Tuner) Mode() Tuning { return t.mode }

// candidates is a hash that changes with any shader and with what MARR_KERNELS leaves of them: the best of few must not pass for the best of all.
func candidates(dev *vk.Device) string {
	h := sha256.New()
	fmt.Fprintln(h, forced(dev.Settings()))
	for _, name := range shaders.Names() {
		code, err := shaders.SPIRV(name)
		if err != nil {
			panic(err) // it was listed
		}
		fmt.Fprintln(h, name, code)
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// Tune makes programs built from now on take the variants that the tuner finds; without one the static rule decides.
func (s *Store) Tune(t *Tuner) { s.tuner = t }

// pick returns the fastest variant, false where the static rule is to decide: no tuner, nothing to choose from, or nothing could be timed.
func (t *Tuner) pick(g *Graph, c choice) (variant, bool) {
	if t == nil || t.mode == TuneOff || g.dev == nil || len(c.options) < 2 {
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
			continue // no memory to try it with, or a driver that cannot compile it: the others are left
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

// quickCandidates leaves out what is seldom best: on a GPU the lean kernels, unless there are few output channels; on a CPU the tiled. Where
// MARR_KERNELS allows no others it leaves out none.
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

// scratchMost bounds the memory that a candidate is timed in, in bytes.
const scratchMost = 1 << 30

// timedShare is the part of the work that no watchdog minds (vk.Device.WorkBudget) that a candidate is timed with: a hundredth of half a second.
const timedShare = 100

// timedRows is how many rows of a launch a candidate is timed with: a share of the work, and on a GPU no fewer than keep it busy, since a part of
// a grid that leaves it idle would speak for small tiles.
func (g *Graph) timedRows(l launch) int {
	unit, most := max(l.unit, 1), g.slice(l)
	n := min(most, max(1, int(float64(l.rows)*g.limits.work/timedShare/max(l.work, 1)))/unit*unit+unit)
	if g.dev.Info().Type == vk.CPU {
		return n
	}
	for n < most && l.groups(n)[0]*l.groups(n)[1]*l.groups(n)[2] < 4*minGroups {
		n = min(most, 2*n)
	}
	return n
}

// time returns the median time of a part of a launch on scratch memory; beside a best of `least` (0: none yet) a slow one is not repeated.
func (t *Tuner) time(g *Graph, l launch, least time.Duration) (took time.Duration, err error) {
	defer recoverBuildError(&err) // what cannot be bound here is no candidate
	n := g.timedRows(l)
	var need int64
	d := vk.Dispatch{Groups: l.groups(n), Label: "tune " + l.kernel}
	at := make([]int64, len(l.binds))
	size := make([]int64, len(l.binds))
	for i, b := range l.binds {
		at[i], size[i] = need, b.t.bytes()
		if b.split {
			size[i] = size[i] / int64(l.rows) * int64(n)
		}
		need += (size[i] + align - 1) / align * align
	}
	if need > scratchMost {
		return 0, fmt.Errorf("kernels: %d bytes to time %s in: at most %d are used", need, l.kernel, int64(scratchMost))
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
		d.Push = append(d.Push, byte(w), byte(w>>8), byte(w>>16), byte(w>>24))
	}
	for i, b := range l.binds {
		d.Bindings = append(d.Bindings, vk.Binding{Range: vk.Range{Buffer: scratch, Offset: at[i], Size: size[i]}, Access: b.access})
	}
	return t.repeat(g.dev, scratch, d, least)
}

// enough bounds the time that one candidate is repeated for.
const enough = 200 * time.Millisecond

// repeat runs a dispatch once to warm up, once to estimate its time, then often enough to rank it, and returns the median.
// One that is far behind even counting what compiling it took is not run again.
func (t *Tuner) repeat(dev *vk.Device, scratch *vk.Buffer, d vk.Dispatch, least time.Duration) (time.Duration, error) {
	first, err := runs(dev, scratch, d, 1)
	if err != nil || least > 0 && first[0] > 20*least {
		return max(first[0], 1), err
	}
	if first, err = runs(dev, scratch, d, 1); err != nil || least > 0 && first[0] > 2*least {
		return max(first[0], 1), err
	}
	n := 3
	if t.mode == TuneFull {
		n = 15
	}
	n = min(n, int(enough/max(first[0], 1)))
	if n < 2 {
		return max(first[0], 1), nil
	}
	times, err := runs(dev, scratch, d, n)
	slices.Sort(times)
	return max(times[n/2], 1), err
}

// runs times a dispatch n times, one run after the other.
func runs(dev *vk.Device, scratch *vk.Buffer, d vk.Dispatch, n int) ([]time.Duration, error) {
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

// save keeps what was found.
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
		t.warn(fmt.Sprintf("tuning results cannot be kept: %v", err))
	}
}
