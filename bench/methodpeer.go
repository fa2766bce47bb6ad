package bench

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"marr/ssl"
	"marr/ssl/data"
	"marr/ssl/views"
)

//go:embed peers/torch_ssl.py peers/torch_paint.py peers/torch_eval.py
var torchMethods embed.FS

// MethodPeer is PyTorch at the same recipe and as many steps, evaluated alike.
type MethodPeer struct {
	Torch string `json:"torch"`
	Outcome
}

// peer trains a case in PyTorch, or reads what that gave.
func (l *learning) peer(ctx context.Context, c MethodCase, dir string, x Learned) (*MethodPeer, error) {
	settings, err := peerSettings(x.Config, c, l.train)
	if err != nil || settings == nil {
		return nil, err
	}
	path, p := filepath.Join(dir, "peer.json"), &MethodPeer{}
	if err := readJSON(path, p); err == nil || !errors.Is(err, os.ErrNotExist) {
		return p, err
	}
	home, err := l.peerFiles()
	if err != nil {
		return nil, err
	}
	at := func(name string) string { return filepath.Join(home, name) }
	args := []string{at("torch_ssl.py"), "--method", x.Config.Method, "--epochs", fmt.Sprint(x.Config.Epochs), "--seed", fmt.Sprint(x.Config.Seed),
		"--train", at("train-x.npy"), at("train-y.npy"), "--test", at("test-x.npy"), at("test-y.npy"), "--set"}
	for key, v := range settings {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		args = append(args, key+"="+string(text))
	}
	l.say("%s: PyTorch", c.Name)
	run := exec.CommandContext(ctx, l.Peers[0].Python, args...)
	var out, errs bytes.Buffer
	run.Stdout, run.Stderr = &out, &errs
	if err := run.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
		return nil, errors.Join(ctx.Err(), fmt.Errorf("PyTorch beside it: %w: %s", err, lines[len(lines)-1]))
	}
	if err := json.Unmarshal(out.Bytes(), p); err != nil {
		return nil, fmt.Errorf("PyTorch beside it: %w", err)
	}
	return p, writeJSON(path, p)
}

// peerFiles writes the scripts and the images where python finds them.
func (l *learning) peerFiles() (string, error) {
	scripts, err := fs.Sub(torchMethods, "peers")
	if err != nil {
		return "", err
	}
	home := filepath.Join(l.Dir, "peer")
	if err := os.RemoveAll(home); err != nil { // of another version
		return "", err
	}
	if err := os.CopyFS(home, scripts); err != nil {
		return "", err
	}
	for name, set := range map[string]*data.Set{"train": l.train, "test": l.test} {
		h, w, _ := set.Size()
		pixels := make([]byte, 0, set.Len()*h*w)
		labels := make([]byte, set.Len())
		for i := range set.Len() {
			pixels = append(pixels, set.Image(i).Pix...)
			labels[i] = byte(set.Labels[i])
		}
		err := errors.Join(writeArray(filepath.Join(home, name+"-x.npy"), pixels, set.Len(), h, w), writeArray(filepath.Join(home, name+"-y.npy"), labels, set.Len()))
		if err != nil {
			return "", err
		}
	}
	return home, nil
}

// peerSettings are a run's settings by the peer's names; nil where it cannot train the same.
func peerSettings(c ssl.Config, of MethodCase, set *data.Set) (map[string]any, error) {
	m, err := of.method()
	if err != nil {
		return nil, err
	}
	specs, err := views.Decode(c.Views, c.ViewInput(set), nil)
	if err != nil {
		return nil, err
	}
	if !peerKnows(c, m) || !peerPaints(c, specs) {
		return nil, nil
	}
	dim := c.Backbone(set.C).Dim()
	out := map[string]any{"optimizer": c.Optimizer, "lr": c.LR, "batch": c.Batch, "warmup": c.Warmup, "weight_decay": c.Decay}
	switch m := m.(type) {
	case *ssl.SimCLR:
		out["temperature"], out["hidden"], out["out"] = m.Temperature, cmp.Or(m.Hidden, dim), m.Out
	case *ssl.BYOL:
		out["momentum"], out["hidden"], out["out"] = m.Momentum, cmp.Or(m.Hidden, 2*dim), m.Out
	case *ssl.SimSiam:
		out["hidden"], out["out"], out["bottleneck"] = cmp.Or(m.Hidden, dim), m.Out, cmp.Or(m.Predict, max(4, m.Out/4))
		out["scheduled"] = m.Scheduled
	case *ssl.DINO:
		out["momentum"], out["hidden"], out["bottleneck"], out["prototypes"] = m.Momentum, cmp.Or(m.Hidden, 4*dim), m.Bottleneck, m.Prototypes
		out["student_temperature"], out["teacher_temperature"], out["centre"] = m.Student, m.Sharp, m.Center
		out["locals"], out["clip"], out["freeze"], out["head_bn"] = len(specs)-2, c.ClipEach, m.Freeze, m.Normed
	case *ssl.Jigsaw:
		out["hidden"], out["gap"], out["normalise"] = cmp.Or(m.Hidden, dim), specs[0].Jigsaw.Gap, m.Normalise
	case *ssl.Order:
		out["hidden"], out["frames"] = cmp.Or(m.Hidden, dim), len(specs)
	case *ssl.Rotation, *ssl.Supervised:
	default:
		return nil, nil
	}
	out["backbone_bn"] = c.BN == "on"
	peerViews(out, specs)
	return out, nil
}

// peerKnows says whether the peer has what a run asks for beside its settings.
func peerKnows(c ssl.Config, m ssl.Method) bool {
	demo := methodConfig(0)
	plain := c.Arch == demo.Arch && c.Width == demo.Width && c.Stem == "strided" && (c.BN == "on" || c.BN == "off") && c.HeadBN == "on" &&
		(c.Optimizer == "adamw" || c.Optimizer == "sgd") && c.Schedule == "cosine" && c.DecayEnd == c.Decay && c.Clip == 0 && c.Accumulate == 1
	switch m := m.(type) {
	case *ssl.SimCLR:
		plain = plain && !m.Decoupled
	case *ssl.BYOL:
		plain = plain && !m.Direct && m.Momentum > 0 && cmp.Or(m.Predict, m.Hidden) == m.Hidden
	case *ssl.DINO:
		return plain && (m.Warmup == 0 || m.Start == m.Sharp)
	}
	return plain && c.ClipEach == 0
}

// peerPaints says whether the peer has the ops of all views. What they share with the first one is not compared.
func peerPaints(c ssl.Config, specs []views.Spec) bool {
	for v, s := range specs {
		if (s.GaussianBlur != nil) != (s.ZoomSequence != nil) || s.Solarize != nil && v != 1 {
			return false
		}
		local := s.Size != c.Size && s.RandomResizedCrop != nil // its size and scale are constants there
		if local && (s.Size != (c.Size*18+16)/32 || s.RandomResizedCrop.Scale != [2]float64{0.08, 0.5}) {
			return false
		}
	}
	return true
}

// peerViews adds what the peer has to know of the views: the first one's crop, approach and jitter, the second one's solarize.
func peerViews(out map[string]any, specs []views.Spec) {
	first := specs[0]
	if crop := first.RandomResizedCrop; crop != nil {
		out["scale"], out["cubic"] = crop.Scale, crop.Interpolation == "bicubic"
	}
	if crop := first.RandomCrop; crop != nil {
		out["pad"] = crop.Padding
	}
	if a := first.ZoomSequence; a != nil {
		out["start"], out["zoom"], out["sigma"] = a.Start, a.Zoom, first.GaussianBlur.Sigma
	}
	if jitter := first.ColorJitter; jitter != nil {
		out["jitter"] = jitter.Brightness
	}
	if len(specs) > 1 && specs[1].Solarize != nil {
		out["solarize"] = specs[1].Solarize.P
	}
}

// writeArray writes bytes as numpy's .npy, version 1.0, whose header fills a multiple of 64 bytes.
func writeArray(path string, values []byte, shape ...int) error {
	dims := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(shape)), ", "), "[]")
	header := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%s,), }", dims)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	text := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	return os.WriteFile(path, append(append(text, header...), values...), 0o666)
}
