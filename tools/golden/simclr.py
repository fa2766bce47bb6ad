"""Golden loss, gradient and training of SimCLR: ssl/testdata/simclr.json.

Run: /usr/bin/python3 tools/golden/simclr.py. The schema is in goldenfile.py. Cases:

op "simclr_loss": input "z" [2N D], not normalized; output "loss" [1]; gradient of the loss with respect to z, through the normalization.
If attr "decoupled" is 1, the denominator excludes the positive.
op "simclr_train": ten steps of the network of networks.py from parameters in "inputs" (torchvision's names; projector.0.weight,
projector.1.weight, projector.1.bias, projector.3.weight, projector.3.bias; if attr "output_norm" is 1, projector.3 has no bias and
projector.4 is a batch norm), running statistics 0 and 1. Step t runs the input
"views<t>" [16 16 16 1] in one forward (one batch-norm population): rows i and i+8 are the two views of image i. Weight decay
applies to every parameter, scales and biases too. Outputs: "loss" [10], and the norm and projections of every parameter and running
statistic after step 10; parameters also have "moved" = ||p_10 - p_0||. "grads": all gradients of the first step.
"""
import sys

import torch
import torch.nn.functional as F

from goldenfile import dump, spec
from networks import SmallResNet, projector
from training import ADAMW, WIDTH, Method, loss_case, search, train_case

EMBEDDING, TEMPERATURE = 64, 0.2
SGD_NAME, NORM_NAME = "simclr_sgd_5", "simclr_norm_10"  # the widest margin to a kink among 40 names; "simclr.py search" prints the margins


def ntxent(z, temperature):
    """Mean over the 2N rows of normalized z. The denominator excludes the row itself and includes the positive."""
    z = F.normalize(z, dim=1)
    n = z.shape[0] // 2
    logits = (z @ z.t() / temperature).masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
    return F.cross_entropy(logits, (torch.arange(2 * n) + n) % (2 * n))


def decoupled_ntxent(z, temperature):
    """The same loss with a denominator that excludes the positive too."""
    z = F.normalize(z, dim=1)
    n = z.shape[0] // 2
    logits, other = z @ z.t() / temperature, (torch.arange(2 * n) + n) % (2 * n)
    negatives = logits.masked_fill(torch.eye(2 * n, dtype=torch.bool) | F.one_hot(other).bool(), float("-inf"))
    return (negatives.logsumexp(1) - logits[torch.arange(2 * n), other]).mean()


class SimCLR(Method):
    op, more = "simclr_train", {"temperature": TEMPERATURE, "embedding": EMBEDDING}

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.projector = projector(net.dim, net.dim, EMBEDDING)
        return net

    def loss(self, t):
        return ntxent(self.net.projector(self.net.features(self.images(t))), TEMPERATURE)


class OutputNorm(SimCLR):
    attrs, more = ADAMW, dict(SimCLR.more, output_norm=1)

    @staticmethod
    def network():
        net = SmallResNet(WIDTH, 1)
        net.projector = projector(net.dim, net.dim, EMBEDDING, normed=True)
        return net


def ntxent_case(n, d, temperature):
    return loss_case("simclr_loss", "simclr_loss_%dx%d_t%g" % (n, d, temperature), {"temperature": temperature}, [spec("z", (2 * n, d))],
                     lambda z: ntxent(z, temperature))


def decoupled_case(n, d, temperature):
    return loss_case("simclr_loss", "simclr_decoupled_%dx%d_t%g" % (n, d, temperature), {"temperature": temperature, "decoupled": 1},
                     [spec("z", (2 * n, d))], lambda z: decoupled_ntxent(z, temperature))


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:] == ["search"]:
        search(SimCLR, "simclr_sgd_")
        search(OutputNorm, "simclr_norm_")
    else:
        dump("ssl/testdata/simclr.json", [
            ntxent_case(5, 7, 0.2), ntxent_case(5, 7, 0.5), decoupled_case(5, 7, 0.2), decoupled_case(5, 7, 0.5), train_case(SimCLR, SGD_NAME), train_case(OutputNorm, NORM_NAME)])
