package bench

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Scripts has the PyTorch programs, in the folder peers: the comparison needs the binary and a Python with torch, but no source tree.
//
//go:embed peers/torch_step.py peers/torch_views.py peers/torch_vit.py
var Scripts embed.FS

// PeerCommand is a Python that can import torch, and the precision of the PyTorch step.
type PeerCommand struct {
	Python string
	AMP    bool // mixed precision and channels last, on CUDA only
}

// peerOutput is the JSON that a PyTorch script prints.
type peerOutput struct {
	Name           string  `json:"name"` // precision and layout
	Torch          string  `json:"torch"`
	Device         string  `json:"device"`
	Threads        int     `json:"threads"`
	ViewsPerS      float64 `json:"views_per_s"`
	Ms             float64 `json:"ms_per_step"`
	MsWithoutViews float64 `json:"ms_per_step_without_views"`
	PeakMemory     int64   `json:"peak_memory_bytes"`
	Included       string  `json:"included"`
}

// Peer is the speed of PyTorch at the same step. marr and PyTorch run alternately; all figures are medians over the rounds.
type Peer struct {
	peerOutput
	Rounds            []Round `json:"rounds"`
	Ratio             float64 `json:"ratio"`               // marr/PyTorch in views/s, whole steps
	RatioWithoutViews float64 `json:"ratio_without_views"` // marr's whole step over a PyTorch step on views that exist already
	Problem           string  `json:"error,omitempty"`     // why the peer failed; earlier rounds count
}

// Round is one round of a comparison, in views/s.
type Round struct {
	Marr                float64 `json:"ours"`
	PyTorch             float64 `json:"theirs"`
	PyTorchWithoutViews float64 `json:"theirs_without_views"`
}

// FindPython returns a Python that can import torch, and whether its torch supports CUDA. It tries the given one, or by default python3
// and python (its name on Windows) on the path and then /usr/bin/python3.
func FindPython(ctx context.Context, given string) (python string, cuda bool, err error) {
	candidates := []string{"python3", "python", "/usr/bin/python3"}
	if given != "" {
		candidates = []string{given}
	}
	var why []string
	for _, p := range candidates {
		out, err := exec.CommandContext(ctx, p, "-c", "import torch; print(torch.cuda.is_available())").CombinedOutput()
		if err == nil {
			return p, strings.HasSuffix(strings.TrimSpace(string(out)), "True"), nil
		}
		why = append(why, fmt.Sprintf("%s: %v: %s", p, err, lastLine(string(out))))
	}
	return "", false, fmt.Errorf("bench: no Python can import torch (%s): install python3-torch, or choose a Python with --python", strings.Join(why, "; "))
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// WriteScripts writes the files in the folder peers of some embedded programs into a folder, which must not have them.
func WriteScripts(dir string, programs embed.FS) error {
	scripts, err := fs.Sub(programs, "peers")
	if err != nil {
		return err
	}
	return os.CopyFS(dir, scripts)
}

// runScript runs one of Scripts with these arguments, as Run does.
func (c PeerCommand) runScript(ctx context.Context, name string, args []string, output any) error {
	dir, err := os.MkdirTemp("", "marr-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := WriteScripts(dir, Scripts); err != nil {
		return err
	}
	return c.Run(ctx, append([]string{filepath.Join(dir, name)}, args...), output)
}

// Run runs Python with these arguments and decodes the JSON that it prints into output.
func (c PeerCommand) Run(ctx context.Context, args []string, output any) error {
	command := exec.CommandContext(ctx, c.Python, args...)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("PyTorch: %w: %s", err, lastLine(errs.String())))
	}
	if err := json.Unmarshal(out.Bytes(), output); err != nil {
		return fmt.Errorf("PyTorch: %w", err)
	}
	return nil
}

// addRound runs the peer once and pairs its speed with marr's in the same round. A failure of the peer is recorded and ends its rounds,
// not the measurement.
func (p *Peer) addRound(ctx context.Context, c PeerCommand, o StepOptions, marrViewsPerS float64) {
	if p.Problem != "" {
		return
	}
	args := []string{"--arch", o.Arch, "--batch", strconv.Itoa(o.Batch), "--size", strconv.Itoa(o.Size), "--steps", strconv.Itoa(o.Steps)}
	for name, v := range o.Backbone {
		if _, isSwitch := v.(bool); !isSwitch { // zero-init-residual changes initial values, not the time
			args = append(args, "--"+name, fmt.Sprint(v))
		}
	}
	if c.AMP {
		args = append(args, "--amp")
	}
	var out peerOutput
	if err := c.runScript(ctx, "torch_step.py", args, &out); err != nil {
		p.Problem = err.Error()
		return
	}
	peak := max(p.PeakMemory, out.PeakMemory)
	p.peerOutput, p.PeakMemory = out, peak
	views := 2e3 * float64(o.Batch)
	p.Rounds = append(p.Rounds, Round{marrViewsPerS, out.ViewsPerS, views / out.MsWithoutViews})
	p.ViewsPerS = medianOf(p.Rounds, func(r Round) float64 { return r.PyTorch })
	p.Ms, p.MsWithoutViews = views/p.ViewsPerS, views/medianOf(p.Rounds, func(r Round) float64 { return r.PyTorchWithoutViews })
	p.Ratio = medianOf(p.Rounds, func(r Round) float64 { return r.Marr / r.PyTorch })
	p.RatioWithoutViews = medianOf(p.Rounds, func(r Round) float64 { return r.Marr / r.PyTorchWithoutViews })
}

// medianOf returns the median of a figure over the rounds.
func medianOf(rounds []Round, figure func(Round) float64) float64 {
	var v []float64
	for _, r := range rounds {
		v = append(v, figure(r))
	}
	return median(v)
}
