package watch

import "fmt"

// Kind names what is wrong with a run.
type Kind string

// The kinds, in the order in which they are tried: the closer to a cause, the earlier.
const (
	Dominated Kind = "dominated teacher" // one prototype takes every image
	Uniform   Kind = "uniform teacher"   // every prototype takes every image alike
	Constant  Kind = "constant"          // every image has the same embedding
	LowRank   Kind = "low rank"          // embeddings fill a few of their dimensions
	TooEasy   Kind = "too easy"          // the task is solved before anything can have been learned
)

// Alarm is a failure that was named.
type Alarm struct {
	Kind    Kind
	Step    int
	Metrics Metrics
	Message string // one line, what: why: what to do
}

// IsCollapse says whether the run is lost; of an easy task it is not certain.
func (a *Alarm) IsCollapse() bool { return a.Kind != TooEasy }

// Watch judges looks at one run, in their order. Its zero value is ready. As JSON it is what it has seen, so that a run that goes on elsewhere is
// judged as if it had not been stopped.
type Watch struct {
	Warmup   float64 // share of the run in which nothing is counted; 0: 0.05
	Patience int     // looks in a row that must agree; 0: 3
	seen     seen
}

const (
	warmup   = 0.05
	patience = 3

	// A row of looks must have seen this many images, else batches of 2 to 8 would raise alarms by chance: two images have one prototype, and
	// eight are all told right, often enough in a thousand looks.
	minImages = 256

	// How much farther from failure, in units of the limit, the last of a row may be than the first and still count as staying there.
	slack = 0.1
)

// Check measures a sample and judges it. An alarm is raised once for each kind, when Patience looks in a row agree, none of them in the
// warm-up, and the last is no farther from failure than the first: a run that is leaving a bad place is left alone. While a collapse that
// was told lasts, those behind it in the order of kinds are taken for its consequence and are not told.
func (w *Watch) Check(s Sample) (Metrics, *Alarm) {
	r := Measure(s)
	return r, w.judge(r, s)
}

func (w *Watch) judge(r Metrics, s Sample) (raised *Alarm) {
	if w.seen.Rows == nil {
		w.seen.Rows = map[Kind]row{}
	}
	if w.seen.Told == nil {
		w.seen.Told = map[Kind]bool{}
	}
	peak := w.seen.Peak
	if r.Rank > peak {
		w.seen.Peak = r.Rank // in the warm-up too: a collapse may be over before its end
	}
	if float64(s.Step) < orDefault(w.Warmup, warmup)*float64(s.Steps) {
		return nil
	}
	lost := false
	for _, rule := range rules {
		distance := rule.distance(r, s, peak)
		agreed := w.agreed(rule.kind, distance, s.N)
		collapse := rule.kind != TooEasy
		switch {
		case !(distance < 1):
		case w.seen.Told[rule.kind]:
			lost = lost || collapse
		case lost && collapse:
			w.seen.Told[rule.kind] = true
		case agreed && raised == nil:
			w.seen.Told[rule.kind], lost = true, collapse
			raised = &Alarm{rule.kind, s.Step, r, fmt.Sprintf("%s: %s: %s", rule.kind, rule.why(r, s, peak), rule.remedy)}
		}
	}
	return raised
}

// agreed counts a look of a kind and says whether the row is long enough and going nowhere.
func (w *Watch) agreed(kind Kind, distance float64, images int) bool {
	if !(distance < 1) { // NaN ends a row too
		delete(w.seen.Rows, kind)
		return false
	}
	k, begun := w.seen.Rows[kind]
	if !begun {
		k.First = distance
	}
	k.Looks, k.Images = k.Looks+1, k.Images+images
	w.seen.Rows[kind] = k
	return k.Looks >= orDefault(w.Patience, patience) && k.Images >= minImages && distance <= k.First+slack
}

func orDefault[T int | float64](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}
