package watch

import "fmt"

// Kind is a kind of failure of a run.
type Kind string

// The kinds, in the order in which they are checked: causes before their consequences.
const (
	Dominated Kind = "dominated teacher"  // one prototype takes all images
	Uniform   Kind = "uniform teacher"    // all prototypes have the same probability for every image
	Constant  Kind = "constant"           // all images have the same embedding
	LowRank   Kind = "low rank"           // embeddings fill few of their dimensions
	TooEasy   Kind = "too easy"           // the task is solved before the network can have learned
	Still     Kind = "nothing is learned" // a contrastive loss stays at that of guessing
)

// Alarm reports a failure.
type Alarm struct {
	Kind    Kind
	Step    int
	Metrics Metrics
	Message string // one line: what, why, what to do
}

// IsCollapse reports whether the representation has collapsed. A task that is too easy may still teach something, and a loss that stands still may yet fall.
func (a *Alarm) IsCollapse() bool { return a.Kind.isCollapse() }

func (k Kind) isCollapse() bool { return k != TooEasy && k != Still }

// Watch checks the samples of one run, in order. The zero value is ready to use. Its JSON is its state, so that a resumed run raises the
// same alarms as an uninterrupted one.
type Watch struct {
	Warmup   float64 // fraction of the run in which no sample counts; 0: 0.05
	Patience int     // consecutive samples that must fail; 0: 3
	Cause    string  // known cause of failures, with what to do: replaces the remedies of all alarms but TooEasy; "": unknown
	state    state
}

const (
	warmup   = 0.05
	patience = 3

	// A streak needs this many images. Otherwise batches of 2 to 8 would raise alarms by chance: among a thousand samples, two images often
	// have the same prototype, and eight images are often all classified correctly.
	minImages = 256

	// By this much, in units of the limit, the last distance of a streak may exceed the first.
	slack = 0.1
)

// Check measures a sample and returns its metrics, and an alarm or nil. It raises an alarm once per kind, after Patience consecutive
// samples have failed, none of them in the warm-up, unless their distance to the limit grows: a run that recovers raises no alarm. While
// a reported collapse lasts, later kinds of collapse count as its consequences and raise no alarm.
func (w *Watch) Check(s Sample) (Metrics, *Alarm) {
	r := Measure(s)
	return r, w.check(r, s)
}

func (w *Watch) check(r Metrics, s Sample) (raised *Alarm) {
	if w.state.Streaks == nil {
		w.state.Streaks = map[Kind]streak{}
	}
	if w.state.Reported == nil {
		w.state.Reported = map[Kind]bool{}
	}
	w.state.follow(s)
	past := w.state // with the highest rank of earlier samples
	if r.Rank > past.Peak {
		w.state.Peak = r.Rank // also in the warm-up, which may end after the collapse
	}
	if float64(s.Step) < orDefault(w.Warmup, warmup)*float64(s.Steps) {
		return nil
	}
	collapsed := false
	for _, rule := range rules {
		distance := rule.distance(r, s, past)
		failed := w.failed(rule.kind, distance, s.N)
		collapse := rule.kind.isCollapse()
		switch {
		case !(distance < 1):
		case w.state.Reported[rule.kind]:
			collapsed = collapsed || collapse
		case collapsed && rule.kind != TooEasy:
			w.state.Reported[rule.kind] = true
		case failed && raised == nil:
			w.state.Reported[rule.kind], collapsed = true, collapse
			remedy := rule.remedy
			if w.Cause != "" && rule.kind != TooEasy {
				remedy = w.Cause
			}
			raised = &Alarm{rule.kind, s.Step, r, fmt.Sprintf("%s: %s: %s", rule.kind, rule.why(r, s, past), remedy)}
		}
	}
	return raised
}

// failed adds a sample to the streak of a kind and reports whether the streak is long enough and does not recover.
func (w *Watch) failed(kind Kind, distance float64, images int) bool {
	if !(distance < 1) { // also NaN
		delete(w.state.Streaks, kind)
		return false
	}
	k, begun := w.state.Streaks[kind]
	if !begun {
		k.First = distance
	}
	k.Samples, k.Images = k.Samples+1, k.Images+images
	w.state.Streaks[kind] = k
	return k.Samples >= orDefault(w.Patience, patience) && k.Images >= minImages && distance <= k.First+slack
}

func orDefault[T int | float64](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}
