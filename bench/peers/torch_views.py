"""Measures the views of `marr bench data` in torchvision DataLoader workers and prints one line of JSON.

    python3 torch_views.py --size 32 --images 4096 --workers 2 --batch 256 [--source 40] [--backend pil|tensor]

As in published SimCLR implementations, the __getitem__ of a data set returns two views of an image (RandomResizedCrop 0.2-1 bilinear,
RandomHorizontalFlip, ColorJitter 0.4/0.4/0.4/0.1 at p 0.8, RandomGrayscale 0.2, ToTensor, Normalize), and a DataLoader makes batches. Images
are random uint8 RGB in memory, decoded in advance. The comparison favors PyTorch: the workers start before the measurement, each has one
thread, and the batches are not used.
"""
import argparse
import json
import time

import torch
import torchvision
from PIL import Image
from torchvision import transforms as T


class Views(torch.utils.data.Dataset):
    def __init__(self, count, source, size, backend):
        g = torch.Generator().manual_seed(1)
        self.images = torch.randint(0, 256, (min(count, 2048), source, source, 3), dtype=torch.uint8, generator=g)
        self.count, self.backend = count, backend
        last = [T.Normalize([0.5] * 3, [0.25] * 3)]
        first = [T.ConvertImageDtype(torch.float32)] if backend == "tensor" else []
        crop = T.RandomResizedCrop(size, scale=(0.2, 1), antialias=True) if backend == "tensor" else T.RandomResizedCrop(size, scale=(0.2, 1))
        color = [T.RandomApply([T.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8), T.RandomGrayscale(0.2)]
        self.transform = T.Compose(first + [crop, T.RandomHorizontalFlip()] + color + ([T.ToTensor()] if backend == "pil" else []) + last)

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        x = self.images[i % len(self.images)]
        x = Image.fromarray(x.numpy()) if self.backend == "pil" else x.permute(2, 0, 1)
        return self.transform(x), self.transform(x)


def one_thread(_):
    torch.set_num_threads(1)


def main():
    p = argparse.ArgumentParser()
    for name, default in (("size", 32), ("source", 0), ("images", 4096), ("workers", 2), ("batch", 256)):
        p.add_argument("--" + name, type=int, default=default)
    p.add_argument("--backend", choices=("pil", "tensor"), default="pil")
    a = p.parse_args()
    torch.set_num_threads(1)
    warm = a.workers * 2 * a.batch  # the workers prefetch this many while they start
    data = Views(a.images + warm, a.source or a.size, a.size, a.backend)
    loader = iter(torch.utils.data.DataLoader(data, a.batch, num_workers=a.workers, worker_init_fn=one_thread, drop_last=True))
    for _ in range(a.workers * 2):
        next(loader)
    start, batches = time.perf_counter(), 0
    for _ in loader:
        batches += 1
    seconds = time.perf_counter() - start
    print(json.dumps({"name": "torchvision, " + a.backend, "torch": torch.__version__ + ", torchvision " + torchvision.__version__, "device": "cpu",
                      "threads": a.workers, "views_per_s": 2 * a.batch * batches / seconds,
                      "included": "two views an image in %d DataLoader workers, images in memory" % a.workers}))


if __name__ == "__main__":
    main()
