package ssl

import (
	"math"

	"marr/kernels"
	"marr/ssl/watch"
)

// looks is how often the collapse watch looks at a run, at most: a look costs the host some milliseconds.
const looks = 200

// show makes what the watch looks at, and answers, outputs of the segment in hand.
func (s *Step) show(g *kernels.Graph) {
	if s.seen != nil {
		g.Output("seen", s.seen)
	}
	if s.teacher != nil {
		g.Output("teacher", s.teacher)
	}
	if s.logits != nil {
		g.Output("logits", s.logits)
	}
}

// looked is what the watch made of a step's last micro-batch.
type looked struct {
	report watch.Metrics
	alarm  *watch.Alarm
}

// look has the watch look at a micro-batch, where the method shows it something and it is time; accuracy is the step's. What learns labels is measured,
// not judged: they may be easy, and a few dimensions hold them.
func (t *Trainer) look(r *kernels.Run, step int, accuracy float64) *looked {
	if t.health == nil || t.loss.seen == nil || step%max(1, t.Steps()/looks) != 0 {
		return nil
	}
	s := watch.Sample{N: t.loss.seen.Rows(), D: t.loss.seen.Width(), Accuracy: accuracy, Chance: t.loss.chance(), Step: step, Steps: t.Steps()}
	s.Z = unpacked(r.Output("seen"), s.N, s.D)
	if t.loss.pairs {
		s.Accuracy, s.N = told(s.Z, s.D), s.N/2
		s.Z = s.Z[:s.N*s.D]
	}
	if p := t.loss.teacher; p != nil {
		s.K = p.Width()
		s.Teacher = unpacked(r.Output("teacher"), p.Rows(), s.K)
	}
	var l looked
	if t.loss.labelled {
		l.report = watch.Measure(s)
	} else {
		if l.report, l.alarm = t.health.Check(s); l.alarm != nil {
			l.alarm.Step++ // the watch counts steps that were done before, reports are of steps from 1 on
		}
	}
	return &l
}

func unpacked(padded []float32, rows, width int) []float32 {
	v := make([]float32, rows*width)
	kernels.Unpack(v, padded, width)
	return v
}

// note adds what is known of a look to a line of metrics.jsonl; JSON has no NaN.
func (l *looked) note(line map[string]any) {
	for name, v := range map[string]float64{"embedding_std": l.report.Std, "rank": l.report.Rank, "cosine": l.report.Cosine,
		"teacher_entropy": l.report.Entropy, "teacher_kl": l.report.KL} {
		if !math.IsNaN(v) {
			line[name] = v
		}
	}
	if l.alarm != nil {
		line["alarm"] = l.alarm.Message
	}
}
