package methods

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/marr-ssl/marr/bench"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/npy"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
)

//go:embed peers/*.py
var peerScripts embed.FS

// Peer is the outcome of PyTorch with the same recipe, number of steps and evaluation.
type Peer struct {
	Torch string `json:"torch"`
	Outcome
}

// peer trains a case in PyTorch, or reads the stored outcome. It returns nil if the script does not support the case.
func (c *comparer) peer(ctx context.Context, x Case, dir string, run Run) (*Peer, error) {
	settings, err := peerSettings(run.Config, x, c.Train)
	if err != nil || settings == nil {
		return nil, err
	}
	path, p := filepath.Join(dir, "peer.json"), &Peer{}
	if err := bench.ReadJSON(path, p); err == nil || !errors.Is(err, os.ErrNotExist) {
		return p, err
	}
	home, err := c.writePeerFiles()
	if err != nil {
		return nil, err
	}
	at := func(name string) string { return filepath.Join(home, name) }
	args := []string{at("torch_ssl.py"), "--method", run.Config.Method, "--epochs", fmt.Sprint(run.Config.Epochs), "--seed", fmt.Sprint(run.Config.Seed),
		"--train", at("train-x.npy"), at("train-y.npy"), "--test", at("test-x.npy"), at("test-y.npy"), "--set"}
	for key, v := range settings {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		args = append(args, key+"="+string(text))
	}
	c.log("%s: PyTorch", x.Name)
	if err := c.Peers[0].Run(ctx, args, p); err != nil {
		return nil, err
	}
	return p, bench.WriteJSON(path, p)
}

// writePeerFiles writes the Python scripts and the images to a folder and returns its path.
func (c *comparer) writePeerFiles() (string, error) {
	home := filepath.Join(c.Dir, "peer")
	if err := os.RemoveAll(home); err != nil { // it may have scripts of another version
		return "", err
	}
	if err := errors.Join(bench.WriteScripts(home, bench.Scripts), bench.WriteScripts(home, peerScripts)); err != nil {
		return "", err
	}
	for name, set := range map[string]*data.Set{"train": c.Train, "test": c.Test} {
		h, w, _ := set.Size()
		pixels := make([]byte, 0, set.Len()*h*w*set.C)
		for i := range set.Len() {
			img := set.Image(i)
			for _, v := range img.Pix {
				pixels = append(pixels, bytes.Repeat([]byte{v}, set.C/img.C)...) // a gray image among colored ones has three equal channels
			}
		}
		err := errors.Join(writeArray(filepath.Join(home, name+"-x.npy"), pixels, set.Len(), h, w, set.C),
			writeArray(filepath.Join(home, name+"-y.npy"), set.Labels, set.Len()))
		if err != nil {
			return "", err
		}
	}
	return home, nil
}

// peerSettings returns a run's settings with the names of torch_ssl.py, or nil if the script cannot train the same run.
func peerSettings(c run.Config, x Case, set *data.Set) (map[string]any, error) {
	m, err := x.method()
	if err != nil {
		return nil, err
	}
	specs, err := views.Decode(c.Views, train.ViewInput(c.Size, set), nil)
	if err != nil {
		return nil, err
	}
	if !peerTrains(c, m) || !peerPaints(c, set, specs) {
		return nil, nil
	}
	network, err := c.Network(set.C)
	if err != nil {
		return nil, err
	}
	dim := network.Arch.Dim()
	out := map[string]any{"optimizer": c.Optimizer, "lr": c.LR, "beta2": c.Beta2, "batch": c.Batch, "warmup": c.Warmup, "weight_decay": c.Decay, "weight_decay_end": c.DecayEnd}
	if v, ok := network.Arch.(*net.ViT); ok {
		out["vit"] = map[string]any{"patch": v.Patch, "width": v.EmbedDim, "depth": v.Depth, "heads": v.Heads, "grid": v.Grid, "pool": v.Pool,
			"drop_path": v.DropPath, "freeze_patches": v.FreezePatches}
	}
	switch m := m.(type) {
	case *ssl.SimCLR:
		out["temperature"], out["hidden"], out["out"] = m.Temperature, cmp.Or(m.Hidden, dim), m.Out
	case *ssl.BYOL:
		out["momentum"], out["hidden"], out["out"] = m.Momentum, cmp.Or(m.Hidden, 2*dim), m.Out
	case *ssl.SimSiam:
		out["hidden"], out["out"], out["bottleneck"] = cmp.Or(m.Hidden, dim), m.Out, cmp.Or(m.PredictorHidden, max(4, m.Out/4))
		out["scheduled"] = m.ScheduledPredictor
	case *ssl.BarlowTwins:
		out["hidden"], out["out"], out["weight"] = cmp.Or(m.Hidden, m.Out), m.Out, m.Lambda
	case *ssl.VICReg:
		out["hidden"], out["out"] = cmp.Or(m.Hidden, m.Out), m.Out
		out["invariance"], out["variance"], out["covariance"] = m.Invariance, m.Variance, m.Covariance
	case *ssl.DINO:
		out["momentum"], out["hidden"], out["bottleneck"], out["prototypes"] = m.Momentum, cmp.Or(m.Hidden, 4*dim), m.Bottleneck, m.Prototypes
		out["student_temperature"], out["teacher_temperature"], out["center"] = m.StudentTemp, m.TeacherTemp, m.CenterMomentum
		out["locals"], out["clip"], out["freeze"], out["head_bn"] = len(specs)-2, c.ClipEach, m.FreezeLast, m.NormInHead
	case *ssl.MoCoV2:
		out["momentum"], out["temperature"], out["queue"], out["symmetric"] = m.Momentum, m.Temperature, m.Queue, m.Symmetric
		out["hidden"], out["out"] = cmp.Or(m.Hidden, dim), m.Out
	case *ssl.MoCoV3:
		out["momentum"], out["temperature"], out["layers"], out["predictor_bn"] = m.Momentum, m.Temperature, m.Layers, m.PredictorNorm
		out["hidden"], out["out"], out["bottleneck"] = cmp.Or(m.Hidden, 2*dim), m.Out, cmp.Or(m.PredictorHidden, m.Hidden, 2*dim)
	case *ssl.NNCLR:
		out["temperature"], out["queue"], out["out"] = m.Temperature, m.Queue, m.Out
		out["hidden"], out["bottleneck"] = cmp.Or(m.Hidden, dim), cmp.Or(m.PredictorHidden, 2*cmp.Or(m.Hidden, dim))
	case *ssl.SwAV:
		out["hidden"], out["out"], out["prototypes"] = cmp.Or(m.Hidden, dim), m.Out, m.Prototypes
		out["temperature"], out["epsilon"], out["freeze"], out["locals"] = m.Temperature, m.Epsilon, m.Freeze, len(specs)-2
	case *ssl.LeJEPA:
		out["hidden"], out["out"], out["weight"], out["slices"] = cmp.Or(m.Hidden, 4*dim), m.Out, m.Lambda, m.Slices
		out["locals"] = len(specs) - 2
	case *ssl.VISReg:
		out["hidden"], out["out"], out["weight"], out["slices"] = cmp.Or(m.Hidden, 4*dim), m.Out, m.Lambda, m.Slices
		out["locals"] = len(specs) - 2
	case *ssl.DIET:
		out["smoothing"], out["images"] = m.Smoothing, set.Len()
	case *ssl.MAE:
		out["mask"], out["norm_pixels"] = m.MaskRatio, m.NormPixels
		out["decoder"] = map[string]any{"width": m.Width, "depth": m.Depth, "heads": cmp.Or(m.Heads, max(1, m.Width/32))}
	case *ssl.Jigsaw:
		out["hidden"], out["gap"], out["normalize"] = cmp.Or(m.Hidden, dim), specs[0].Jigsaw.Gap, m.NormalizeTiles
	case *ssl.Order:
		out["hidden"], out["frames"] = cmp.Or(m.Hidden, dim), len(specs)
	case *ssl.Rotation, *ssl.Supervised:
	default:
		return nil, nil
	}
	out["backbone_bn"] = c.Norm == "batch"
	peerViews(out, set.C == 3, specs)
	return out, nil
}

// peerTrains reports whether torch_ssl.py supports the parts of a run that are not settings of the script.
func peerTrains(c run.Config, m ssl.Method) bool {
	demo := demoConfig(0)
	_, masked := m.(*ssl.MAE)
	resnet := c.Arch == demo.Arch && fmt.Sprint(c.Backbone["width"]) == "16" && c.Backbone["stem"] == "strided" && c.Backbone["zero-init-residual"] == false
	ok := (resnet || c.Arch == transformerConfig(0).Arch) && (c.Norm == "batch" || c.Norm == "none") && c.HeadNorm == "batch" &&
		(c.Optimizer == "adamw" || c.Optimizer == "sgd") && c.Schedule == "cosine" && c.LREnd == 0 && c.Precision != "mixed" && c.Clip == 0 && c.Accumulate == 1 &&
		(c.Backbone["positions"] == "sincos") == masked && (c.Backbone["xavier"] == true) == masked
	switch m := m.(type) {
	case *ssl.SimCLR:
		ok = ok && !m.Decoupled && !m.OutputNorm
	case *ssl.BYOL:
		ok = ok && !m.NoPredictor && m.Momentum > 0 && cmp.Or(m.PredictorHidden, m.Hidden) == m.Hidden
	case *ssl.SimSiam:
		ok = ok && m.Layers == 3
	case *ssl.SwAV:
		ok = ok && m.Queue == 0
	case *ssl.MAE:
		ok = ok && m.Width%32 == 0
	case *ssl.DINO:
		return ok && (m.TeacherTempWarmup == 0 || m.TeacherTempStart == m.TeacherTemp) && m.KoLeo == 0
	}
	return ok && c.ClipEach == 0
}

// peerPaints reports whether torch_paint.py supports the ops of all views. It does not check ops that equal those of the first view.
func peerPaints(c run.Config, set *data.Set, specs []views.Spec) bool {
	if h, w, uniform := set.Size(); !uniform || h != c.Size || w != c.Size {
		return false
	}
	for v, s := range specs {
		if (s.GaussianBlur != nil) != (s.ZoomSequence != nil) || s.Solarize != nil && v != 1 {
			return false
		}
		local := s.Size != c.Size && s.RandomResizedCrop != nil // the script has a fixed size and scale for local views
		if local && (s.Size != (c.Size*18+16)/32 || s.RandomResizedCrop.Scale != [2]float64{0.08, 0.5}) {
			return false
		}
	}
	return true
}

// peerViews adds the settings of the views: crop, zoom sequence, colors and erasing of the first, solarize of the second.
func peerViews(out map[string]any, color bool, specs []views.Spec) {
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
		out["jitter"], out["jitter_p"] = jitter.Brightness, jitter.P
		if color {
			out["saturation"], out["hue"] = jitter.Saturation, jitter.Hue
		}
	}
	if color {
		out["gray"] = first.Grayscale
	}
	if e := first.RandomErasing; e != nil {
		out["erase"], out["erase_scale"], out["erase_ratio"] = e.P, e.Scale, e.Ratio
	}
	if len(specs) > 1 && specs[1].Solarize != nil {
		out["solarize"] = specs[1].Solarize.P
	}
}

// writeArray writes an array as a file of NumPy.
func writeArray[T npy.Value](path string, values []T, shape ...int) error {
	var out bytes.Buffer
	return cmp.Or(npy.Write(&out, values, shape...), os.WriteFile(path, out.Bytes(), 0o666))
}
