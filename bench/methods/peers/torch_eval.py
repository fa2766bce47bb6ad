"""The evaluation of ssl/eval in PyTorch: features, k-NN, linear probe, linear10, RankMe. Accuracies are in percent."""
import numpy as np
import torch
import torch.nn.functional as F


@torch.no_grad()
def features(net, paint, x):
    net.eval()
    return torch.cat([net(paint.normalize(v.float() / 255)) for v in x.split(500)])


def knn(train_x, train_y, x, y, k, temperature=0.07):
    s, near = (F.normalize(x, dim=1) @ F.normalize(train_x, dim=1).t()).topk(k, dim=1)
    votes = torch.zeros(len(x), int(train_y.max()) + 1).scatter_add_(1, train_y[near], (s / temperature).exp())
    return 100 * (votes.argmax(1) == y).double().mean().item()


def linear(train_x, train_y, x, y):
    """Returns the accuracy of logistic regression on features of norm 10, penalty 1e-4·‖W‖², at most 100 steps of L-BFGS from zero."""
    train_x, x = (10 * F.normalize(v.double(), dim=1) for v in (train_x, x))
    classes = int(train_y.max()) + 1
    w, b = (torch.zeros(*shape, dtype=torch.double, requires_grad=True) for shape in ((classes, x.shape[1]), (classes,)))
    lbfgs = torch.optim.LBFGS(
        [w, b], max_iter=100, max_eval=400, history_size=10, tolerance_grad=1e-7, tolerance_change=0, line_search_fn="strong_wolfe")

    def closure():
        lbfgs.zero_grad()
        loss = F.cross_entropy(F.linear(train_x, w, b), train_y) + 1e-4 * (w * w).sum()
        loss.backward()
        return loss
    lbfgs.step(closure)
    return 100 * (F.linear(x, w, b).argmax(1) == y).double().mean().item()


def linear10(train_x, train_y, x, y, draws=20):
    """Returns mean and standard deviation of the linear probe on ten labels per class."""
    accuracies = []
    for _ in range(draws):
        chosen = torch.cat([(train_y == c).nonzero().squeeze(1)[torch.randperm(int((train_y == c).sum()))[:10]] for c in train_y.unique()])
        accuracies.append(linear(train_x[chosen], train_y[chosen], x, y))
    return np.mean(accuracies), np.std(accuracies, ddof=1)


def rank(x, rows=512):
    """Returns RankMe (Garrido et al. 2022, arXiv:2210.02885) as in ssl/watch: exp of the entropy of the singular values of at most 512 unit rows."""
    n = min(len(x), rows)
    p = torch.linalg.svdvals(F.normalize(x[torch.arange(n) * len(x) // n].double(), dim=1))
    p = p[p > 0] / p.sum()
    return (-(p * p.log()).sum()).exp().item()
