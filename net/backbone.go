package net

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net/registry"
)

// Backbone is the network of an architecture, with its parameters in a store. In a program of mixed precision Map returns halves; Pool and Forward return
// floats.
type Backbone interface {
	Module // Forward maps images [N H W C] to features [N D]: Pool of Map
	Network
	Dim() int           // width D of the features
	MinSize() int       // smallest side of an image, in pixels: Map panics with *kernels.BuildError on smaller ones
	ParamNames() string // library whose names the parameters have, see Architecture
}

// Network maps images to features, in two steps: dense features, then pooling.
type Network interface {
	Map(x *kernels.Tensor, m Mode) *kernels.Tensor  // the last feature map [N h w C'] or the tokens [N T C'] of images [N H W C]
	Pool(x *kernels.Tensor, m Mode) *kernels.Tensor // the features [N D] of what Map returns
}

// PatchNetwork is a Network that cuts images into patches and computes tokens, all or some of them: a vision transformer. Its Architecture has the method
// PatchSize too.
type PatchNetwork interface {
	Network
	PatchSize() int // side of a patch, in pixels
	// MapTokens is Map for some of the tokens of each image alone, [N K C']: others are dropped before the first block. index [N·K] (I32) numbers them as the rows
	// of Map: 0 is the class token, 1 … T−1 are the patches. The host fills it before each run. No token of an image may be named twice.
	MapTokens(x, index *kernels.Tensor, m Mode) *kernels.Tensor
	// LastAttention returns what the attention of the last block takes, queries, keys and values [N T 3C'] of all tokens (kernels.Attention), and its heads.
	LastAttention(x *kernels.Tensor, m Mode) (qkv *kernels.Tensor, heads int)
}

// PatchSize returns the side of the patches of an architecture in pixels, 0 if that is open. ok is false for an architecture without patches.
func PatchSize(a Architecture) (side int, ok bool) {
	p, ok := a.(interface{ PatchSize() int })
	if !ok {
		return 0, false
	}
	return p.PatchSize(), true
}

// Patches returns the network of a backbone if it is a PatchNetwork.
func Patches(b Backbone) (n PatchNetwork, ok bool) {
	if own, isOwn := b.(backbone); isOwn {
		if network, has := own.network.(PatchNetwork); has {
			return patchBackbone{own, network}, true
		}
	}
	return nil, false
}

// patchBackbone is a backbone whose network is a PatchNetwork.
type patchBackbone struct {
	backbone
	patches PatchNetwork
}

func (b patchBackbone) PatchSize() int { return b.patches.PatchSize() }

func (b patchBackbone) MapTokens(x, index *kernels.Tensor, m Mode) *kernels.Tensor {
	return kernels.Float(b.patches.MapTokens(kernels.Half(x), index, m))
}

func (b patchBackbone) LastAttention(x *kernels.Tensor, m Mode) (*kernels.Tensor, int) {
	b.check(x)
	qkv, heads := b.patches.LastAttention(kernels.Half(x), m)
	return kernels.Float(qkv), heads
}

// Architecture is a kind of backbone with its settings, the documented fields tagged `flag:"name" help:"…"` (registry.Option). The package comment says how
// to add one. Three methods are optional: Fitting(size int) string names settings that suit images that are too small for the present ones,
// Advice(size int) []string returns what will hardly learn well though it works, and IsTransformer() bool reports whether the settings that papers have for
// vision transformers suit it, instead of those for residual networks.
type Architecture interface {
	Resolve(size int)            // chooses the settings that were left open, for images of size × size pixels
	Check() error                // returns an error for settings that cannot work
	MinSize() int                // smallest side of an image, in pixels
	Dim() int                    // width D of the features
	ParamNames() string          // library whose parameter names and layouts are used, such as "torchvision", which exports then have; "": its own
	New(s BackboneScope) Network // declares the parameters; settings are resolved and checked before
}

// BackboneScope is the scope of a backbone.
type BackboneScope struct {
	Scope
	Channels int // of the images
}

// BackbonePrefix starts the names of all parameters and running statistics of a backbone in a store. Exported files omit it.
const BackbonePrefix = "backbone."

var architectures = registry.Registry[Architecture]{Kind: "net: architecture"}

// Register adds an architecture with a one-line description. The values of its fields are the defaults. It is called from init.
func Register(name, about string, a Architecture) { architectures.Register(name, about, a) }

// Architectures returns the names of all architectures, sorted.
func Architectures() []string { return architectures.Names() }

// NewArchitecture returns a fresh copy of a registered architecture with its defaults.
func NewArchitecture(name string) (Architecture, error) { return architectures.New(name) }

// Config holds all settings that determine the shape of a backbone.
type Config struct {
	Name     string       // of the architecture
	Arch     Architecture // with its settings
	Norm     string       // one of Norms; "": batch norm
	Channels int          // of the images
}

// NewConfig returns the configuration of a registered architecture with these settings, by name, and all others at their defaults. Unknown names and
// values that a setting does not allow are errors.
func NewConfig(name string, settings map[string]any, norm string, channels int) (Config, error) {
	a, err := NewArchitecture(name)
	if err != nil {
		return Config{}, err
	}
	options := registry.Options(a)
	for key, v := range settings {
		i := slices.IndexFunc(options, func(o registry.Option) bool { return o.Name == key })
		if i < 0 {
			known := slices.Sorted(maps.Keys(registry.Values(a)))
			return Config{}, fmt.Errorf("net: %s has no setting %s: known are %s", name, key, strings.Join(known, ", "))
		}
		if err := options[i].Set(fmt.Sprint(v)); err != nil {
			return Config{}, fmt.Errorf("net: %w", err)
		}
	}
	return Config{name, a, norm, channels}, nil
}

// Check returns an error if New or the network cannot work with the configuration, for images of size × size pixels.
func (c Config) Check(size int) error {
	if c.Channels < 1 {
		return fmt.Errorf("net: images of %d channels: want at least one", c.Channels)
	}
	return cmp.Or(c.Arch.Check(), CheckNorm(c.Norm), c.checkSize(size))
}

func (c Config) checkSize(size int) error {
	least := c.Arch.MinSize()
	if size >= least {
		return nil
	}
	hint := fmt.Sprintf("use images of at least %d×%d pixels", least, least)
	if a, ok := c.Arch.(interface{ Fitting(size int) string }); ok && a.Fitting(size) != "" {
		hint += ", or " + a.Fitting(size) // settings that allow smaller images
	}
	return fmt.Errorf("net: images of %d×%d pixels are too small for %s: %s", size, size, c.Name, hint)
}

// Advice returns a sentence for each setting that works but is unlikely to train well on images of size × size pixels, with what to change.
func (c Config) Advice(size int) []string {
	if a, ok := c.Arch.(interface{ Advice(size int) []string }); ok {
		return a.Advice(size)
	}
	return nil
}

// IsTransformer reports whether methods should choose their settings for a vision transformer.
func (c Config) IsTransformer() bool {
	a, ok := c.Arch.(interface{ IsTransformer() bool })
	return ok && a.IsTransformer()
}

// New declares the parameters of a backbone in a store, under BackbonePrefix.
func (c Config) New(st *kernels.Store, seed uint64) (Backbone, error) {
	if err := c.Check(c.Arch.MinSize()); err != nil {
		return nil, err
	}
	s := Scope{Store: st, Norm: c.Norm, Seed: seed, prefix: BackbonePrefix}
	return backbone{c, c.Arch.New(BackboneScope{s, c.Channels})}, nil
}

type backbone struct {
	config  Config
	network Network
}

func (b backbone) Dim() int           { return b.config.Arch.Dim() }
func (b backbone) MinSize() int       { return b.config.Arch.MinSize() }
func (b backbone) ParamNames() string { return b.config.Arch.ParamNames() }

func (b backbone) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return b.Pool(b.Map(x, m), m)
}

func (b backbone) Map(x *kernels.Tensor, m Mode) *kernels.Tensor {
	b.check(x)
	return b.network.Map(kernels.Half(x), m)
}

func (b backbone) Pool(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return kernels.Float(b.network.Pool(x, m))
}

// check panics on images that are too small.
func (b backbone) check(x *kernels.Tensor) {
	if err := b.config.checkSize(min(x.Dim(1), x.Dim(2))); err != nil {
		panic(&kernels.BuildError{Op: b.config.Name, Msg: strings.TrimPrefix(err.Error(), "net: ")})
	}
}
