package bench

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// The PyTorch peers are embedded, so that a machine needs only the binary and a python3 with torch.
//
//go:embed peers/torch_step.py
var torchStep string

// PeerCommand is a python that can import torch, and what it is asked for.
type PeerCommand struct {
	Python string
	AMP    bool // mixed precision and channels last, on CUDA only
}

// answer is what a peer prints.
type answer struct {
	Name       string  `json:"name"` // precision and layout
	Torch      string  `json:"torch"`
	Device     string  `json:"device"`
	Threads    int     `json:"threads"`
	ViewsPerS  float64 `json:"views_per_s"`
	Ms         float64 `json:"ms_per_step"`
	MsBare     float64 `json:"ms_per_step_without_views"`
	PeakMemory int64   `json:"peak_memory_bytes"`
	Included   string  `json:"included"`
}

// Peer is what PyTorch did at the same step, in turn with ours: medians of the rounds.
type Peer struct {
	answer
	Rounds    []Round `json:"rounds"`
	Ratio     float64 `json:"ratio"`               // ours/theirs in views/s, whole steps
	RatioBare float64 `json:"ratio_without_views"` // our whole step against theirs without painting views
	Problem   string  `json:"error,omitempty"`     // why it was given up; the rounds before count
}

// Round is views/s of our step, of theirs, and of theirs on views that are there already.
type Round struct {
	Ours   float64 `json:"ours"`
	Theirs float64 `json:"theirs"`
	Bare   float64 `json:"theirs_without_views"`
}

// FindPython returns the first python that can import torch, of the one given or else of python3 on the path and Debian's own, and whether
// its torch has CUDA.
func FindPython(ctx context.Context, given string) (python string, cuda bool, err error) {
	candidates := []string{"python3", "/usr/bin/python3"}
	if given != "" {
		candidates = []string{given}
	}
	var why []string
	for _, p := range candidates {
		out, err := exec.CommandContext(ctx, p, "-c", "import torch; print(torch.cuda.is_available())").CombinedOutput()
		if err == nil {
			return p, strings.HasSuffix(strings.TrimSpace(string(out)), "True"), nil
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		why = append(why, fmt.Sprintf("%s: %v: %s", p, err, lines[len(lines)-1]))
	}
	return "", false, fmt.Errorf("bench: no python can import torch (%s): install python3-torch, or name one with --python", strings.Join(why, "; "))
}

// round runs the peer once and notes it beside our views/s of the same round. A peer that fails costs its own figures alone.
func (p *Peer) round(ctx context.Context, c PeerCommand, o StepOptions, ours float64) {
	if p.Problem != "" {
		return
	}
	args := []string{"-", "--arch", o.Arch, "--stem", o.Stem, "--width", strconv.Itoa(o.Width), "--batch", strconv.Itoa(o.Batch),
		"--size", strconv.Itoa(o.Size), "--steps", strconv.Itoa(o.Steps)}
	if c.AMP {
		args = append(args, "--amp")
	}
	a, err := ask(ctx, c.Python, torchStep, args)
	if err != nil {
		p.Problem = err.Error()
		return
	}
	peak := max(p.PeakMemory, a.PeakMemory)
	p.answer, p.PeakMemory = a, peak
	views := 2e3 * float64(o.Batch)
	p.Rounds = append(p.Rounds, Round{ours, a.ViewsPerS, views / a.MsBare})
	over := func(f func(Round) float64) float64 {
		var v []float64
		for _, r := range p.Rounds {
			v = append(v, f(r))
		}
		return median(v)
	}
	p.ViewsPerS = over(func(r Round) float64 { return r.Theirs })
	p.Ms, p.MsBare = views/p.ViewsPerS, views/over(func(r Round) float64 { return r.Bare })
	p.Ratio = over(func(r Round) float64 { return r.Ours / r.Theirs })
	p.RatioBare = over(func(r Round) float64 { return r.Ours / r.Bare })
}

// ask runs a script and reads its JSON.
func ask(ctx context.Context, python, script string, args []string) (a answer, err error) {
	c := exec.CommandContext(ctx, python, args...)
	var out, errs bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(script), &out, &errs
	if err := c.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
		return a, errors.Join(ctx.Err(), fmt.Errorf("bench: PyTorch beside it: %w: %s", err, lines[len(lines)-1]))
	}
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		return a, fmt.Errorf("bench: PyTorch beside it: %w", err)
	}
	return a, nil
}
