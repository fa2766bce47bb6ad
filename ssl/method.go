package ssl

import (
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl/views"
)

// Method is a method of self-supervised learning. Its exported fields tagged `flag:"name" help:"…"` are its hyper-parameters (registry.Option).
type Method interface {
	// Views returns the default views of a run: one Spec for each view of an image, in order.
	Views(in views.Input) ([]views.Spec, error)
	// Loss builds the networks of the method and its loss [1]. It is called once for each program.
	Loss(s *Step) *kernels.Tensor
}

// Contrastive is a Method that compares the samples of a batch with each other, or takes statistics over them: Loss is Contrast of Embed. A gradient cache
// (Gao et al. 2021, arXiv:2101.06983, section 3) can then compare a whole batch that is computed in parts: all parts are embedded, the loss and its gradient with respect
// to all embeddings are computed, and each part is embedded once more, from the same views, to propagate its share of the gradient. The result is the
// gradient of a single pass in which batch norm sees one part at a time. It needs memory for one part and for all embeddings, and computes the forward
// pass twice.
type Contrastive interface {
	Method
	// Embed returns the embeddings that Contrast compares, [V·N D]: those of the first view of all samples of the step, then of the second, and so on.
	Embed(s *Step) *kernels.Tensor
	// Contrast returns the loss [1] of the embeddings of a whole batch of s.N samples; s has neither views nor targets nor labels.
	Contrast(s *Step, z *kernels.Tensor) *kernels.Tensor
}

// NetworkChooser is a Method that works with some architectures only.
type NetworkChooser interface {
	Method
	// Network returns the architecture that a run has by default, and settings of it that are not its own defaults.
	Network() (arch string, settings map[string]any)
	// CheckNetwork returns an error for an architecture that the method cannot use.
	CheckNetwork(c net.Config) error
}

var methods = registry.Registry[Method]{Kind: "ssl: method"}

// Register adds a method with a line that names its paper and its task. The values of its fields are the defaults. It is called from init.
func Register(name, about string, m Method) { methods.Register(name, about, m) }

// About returns the line of a method, "" for an unknown name.
func About(name string) string { return methods.About(name) }

// Methods returns the names of all methods, sorted.
func Methods() []string { return methods.Names() }

// New returns a fresh copy of a registered method with its defaults. An unknown name is an error that lists the known ones.
func New(name string) (Method, error) { return methods.New(name) }
