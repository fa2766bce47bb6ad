"""The networks of torch_ssl.py: backbones, whose attribute dim is the width of the features, and heads."""
import torch
from torch import nn
from torchvision.models import resnet as zoo

from torch_vit import DropPath, ViT

WIDTH = 16  # of the ResNet's first stage


class Affine(nn.Module):
    """Scale and shift per channel, in place of batch norm."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return x * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


def resnet10(norm, channels):
    net = zoo.ResNet(zoo.BasicBlock, [1, 1, 1, 1], norm_layer=norm)
    net.conv1, net.bn1, net.maxpool, net.fc = nn.Conv2d(channels, WIDTH, 3, 2, 1, bias=False), norm(WIDTH), nn.Identity(), nn.Identity()
    net.inplanes, net.dim = WIDTH, 8 * WIDTH
    for i in range(4):
        setattr(net, "layer%d" % (i + 1), net._make_layer(zoo.BasicBlock, WIDTH << i, 1, stride=1 if i == 0 else 2))
    for m in net.modules():
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
    return net


def backbone(recipe, channels):
    """Returns the vision transformer of the settings "vit", or a ResNet-10."""
    if recipe["vit"]:
        return ViT(channels, **recipe["vit"])
    return resnet10(nn.BatchNorm2d if recipe["backbone_bn"] else Affine, channels)


def without_drop_path(net):
    """Switches stochastic depth off, as in a momentum encoder."""
    for m in net.modules():
        if isinstance(m, DropPath):
            m.rate = 0.0
    return net


def mlp(features, hidden, out):
    return nn.Sequential(nn.Linear(features, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, out))


def norm_mlp(widths, *last):
    """Linear layers without bias. Batch norm and ReLU follow each but the last, which the modules of last follow."""
    layers = []
    for features, out in zip(widths, widths[1:-1]):
        layers += [nn.Linear(features, out, bias=False), nn.BatchNorm1d(out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1], bias=False), *last)


def plain_norm(width):
    return nn.BatchNorm1d(width, affine=False)
