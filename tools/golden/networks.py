"""Networks of the golden results. Parameters and images are streams in marr's layouts, converted to PyTorch's and back."""
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import resnet as zoo

from goldenfile import draw, spec


def resnet(arch, stem, width):
    """Returns torchvision's network of that name without fc. Its first stage has `width` channels; the cifar stem is 3x3, stride 1, no max-pool."""
    net = getattr(zoo, arch)(weights=None)
    if stem == "cifar":
        net.conv1, net.maxpool = nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.Identity()
    else:
        net.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
    net.bn1, net.inplanes, net.fc = nn.BatchNorm2d(width), width, nn.Identity()
    for i, stage in enumerate([net.layer1, net.layer2, net.layer3, net.layer4]):
        setattr(net, "layer%d" % (i + 1), net._make_layer(type(stage[0]), width << i, len(stage), stride=1 if i == 0 else 2))
    return net


class SmallResNet(nn.Module):
    """ResNet-10: one BasicBlock per stage, widths w 2w 4w 8w, 3x3 stride 2 stem, no max-pool, no classifier; `dim` features."""

    def __init__(self, width, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        inside = width
        for i in range(4):
            out, stride = width << i, 1 if i == 0 else 2
            down = None
            if stride != 1 or inside != out:
                down = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))
            setattr(self, "layer%d" % (i + 1), nn.Sequential(zoo.BasicBlock(inside, out, stride, down)))
            inside = out
        self.dim = inside

    def features(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        return self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3))


def projector(inside, hidden, out, normed=False):
    """Returns net.Projector: Linear without bias, batch norm, ReLU, Linear; if normed, without bias and followed by a batch norm."""
    last = [nn.Linear(hidden, out, bias=False), nn.BatchNorm1d(out)] if normed else [nn.Linear(hidden, out)]
    return nn.Sequential(nn.Linear(inside, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(), *last)


def norm_mlp(last, *widths):
    """Returns net.NormMLP: linear layers without bias, batch norm and ReLU behind each but the last, and the modules `last`."""
    layers = []
    for i, o in zip(widths, widths[1:]):
        layers += [nn.Linear(i, o, bias=False), nn.BatchNorm1d(o), nn.ReLU()]
    return nn.Sequential(*layers[:-2], *last)


def to_torch(t):
    """Converts [K R S C] to [K C R S] and [N H W C] to [N C H W]; returns other shapes unchanged."""
    return t.permute(0, 3, 1, 2) if t.dim() == 4 else t


def from_torch(t):
    """Returns a copy in marr's layout, even if the permuted view is contiguous already (one channel)."""
    t = t.detach().clone()
    return t.permute(0, 2, 3, 1).contiguous() if t.dim() == 4 else t


def parameter_specs(net):
    """Returns the ranges of the parameters: weights of two or more axes are uniform in ±sqrt(6/fan_in) (He), scales in 0.6 … 1.4, biases in ±0.2.

    The scales at the end of a bottleneck are in 0.1 … 0.3: with 0.6 … 1.4 rounding errors grow a hundredfold over the 50 layers and cross
    kinks.
    """
    specs = []
    for name, p in net.named_parameters():
        shape = tuple(from_torch(p).shape)
        if p.dim() > 1:
            a = (6 / (p.numel() // shape[0])) ** 0.5
            specs.append(spec(name, shape, -a, a))
        elif name.endswith("bn3.weight"):
            specs.append(spec(name, shape, 0.1, 0.3))
        elif name.endswith("weight"):
            specs.append(spec(name, shape, 0.6, 1.4))
        else:
            specs.append(spec(name, shape, -0.2, 0.2))
    return specs


def fill(net, case, specs):
    params = dict(net.named_parameters())
    with torch.no_grad():
        for s in specs:
            params[s["name"]].copy_(to_torch(draw(case, s, params[s["name"]].dtype)))


def running(net):
    """Returns the running means and variances by torchvision's names."""
    return {k: v.detach().clone() for k, v in net.named_buffers() if "running" in k}


def watch_kinks(net):
    """Returns a function that returns the margin to the nearest kink: the smallest distance of a ReLU's input from zero, or of the largest positive
    number in a max-pool's window from the second largest.

    If float32 is on the other side of a kink than float64, a gradient differs by about 1/sqrt(elements) of its norm, far above rounding.
    Therefore the cases use streams whose margin ("kink_margin") is larger than float32 errors.
    """
    nearest = [float("inf")]

    def look(module, args):
        nearest[0] = min(nearest[0], float(args[0].detach().abs().min()))

    def look_under(pool, args):
        x = args[0].detach()
        windows = F.unfold(F.pad(x, [pool.padding] * 4), pool.kernel_size, stride=pool.stride).unflatten(1, (x.shape[1], -1))
        top = windows.topk(2, dim=2).values
        gap = (top[:, :, 0] - top[:, :, 1])[top[:, :, 0] > 0]  # the ReLU before passes no gradient to a zero, whichever of equal zeros is the maximum
        nearest[0] = min(nearest[0], float(gap.min()))

    for m in net.modules():
        if isinstance(m, nn.ReLU):
            m.register_forward_pre_hook(look)
        elif isinstance(m, nn.MaxPool2d):
            m.register_forward_pre_hook(look_under)
    return lambda: nearest[0]


def widest_margin(stem, tries, margin):
    """Prints and returns the margins of the first names stem0, stem1, ..., and prints the name with the widest, which the case takes."""
    margins = {}
    for i in range(tries):
        margins[stem + str(i)] = margin(stem + str(i))
        print(stem + str(i), "%.2e" % margins[stem + str(i)], flush=True)
    print("widest:", max(margins, key=margins.get))
    return margins
