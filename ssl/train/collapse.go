package train

import (
	"maps"
	"math"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/watch"
)

// maxObservations is about the number of micro-batches of a run that the collapse watch measures; because observe rounds the interval down, it measures
// fewer than twice as many. Each costs the host some milliseconds.
const maxObservations = 200

// outputObserved makes embeddings, teacher and logits outputs of the current segment.
func outputObserved(g *kernels.Graph, s *ssl.Step) {
	q := s.Requests
	if q.Embeddings != nil {
		g.Output("embeddings", q.Embeddings)
	}
	if q.Teacher != nil {
		g.Output("teacher", q.Teacher)
	}
	if q.Logits != nil {
		g.Output("logits", q.Logits)
	}
}

// observation is what the collapse watch measured on the first micro-batch of a step.
type observation struct {
	stats  watch.Metrics
	limits *watch.Limits // nil: the method raises no alarms
	alarm  *watch.Alarm
}

// observe measures a micro-batch every ⌊Steps/maxObservations⌋ steps (at least 1), if the method registered embeddings; loss and accuracy are those of the micro-batch. A method that learns
// from labels raises no alarms: a few dimensions may suffice to predict the labels.
func (t *Trainer) observe(r *kernels.Run, step int, loss, accuracy float64) *observation {
	q := t.step.Requests
	if t.Watch == nil || q.Embeddings == nil || step%max(1, t.Steps()/maxObservations) != 0 {
		return nil
	}
	s := watch.Sample{N: q.Embeddings.Rows(), D: q.Embeddings.Width(), Loss: loss, Candidates: q.Candidates, Accuracy: accuracy, Chance: chance(q), Step: step, Steps: t.Steps()}
	s.Z = unpacked(r.Output("embeddings"), s.N, s.D)
	if q.HasPairs {
		s.Accuracy, s.N = nearestIsPositive(s.Z, s.D), s.N/2
		s.Z = s.Z[:s.N*s.D]
	}
	if p := q.Teacher; p != nil {
		s.K = p.Width()
		s.Teacher = unpacked(r.Output("teacher"), p.Rows(), s.K)
	}
	var o observation
	if q.UsesLabels {
		o.stats = watch.Measure(s)
		return &o
	}
	if o.stats, o.alarm = t.Watch.Check(s); o.alarm != nil {
		o.alarm.Step++ // the watch counts steps from 0 on, results from 1 on
	}
	limits := t.Watch.Limits(o.stats)
	o.limits = &limits
	return &o
}

func unpacked(padded []float32, rows, width int) []float32 {
	v := make([]float32, rows*width)
	kernels.Unpack(v, padded, width)
	return v
}

// AddMetrics adds what the collapse watch measured in this step, and its limits, to a line of metrics.jsonl. It omits NaN, which JSON cannot represent.
func (r StepResult) AddMetrics(line map[string]any) {
	o := r.observed
	if o == nil {
		return
	}
	values := map[string]float64{"embedding_std": o.stats.Std, "rank": o.stats.Rank, "cosine": o.stats.Cosine,
		"teacher_entropy": o.stats.Entropy, "teacher_kl": o.stats.KL}
	if l := o.limits; l != nil {
		maps.Copy(values, map[string]float64{"embedding_std_limit": l.Std, "rank_limit": l.Rank, "teacher_entropy_limit": l.Entropy,
			"teacher_marginal_limit": l.MarginalEntropy})
	}
	for name, v := range values {
		if !math.IsNaN(v) {
			line[name] = v
		}
	}
	if o.alarm != nil {
		line["alarm"] = o.alarm.Message
	}
}
