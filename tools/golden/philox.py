"""kernels/rng in NumPy: Philox4x32-10 streams, selected by a key (Salmon et al. 2011, SC11).

Word i of a stream is lane i mod 4 of the block with the counter (low word of i/4, high word of i/4, crc32(key), 0).
"""
import zlib

import numpy as np

SEED = 1


def words(key, n, seed=SEED):
    """Returns the first n words of the stream rng.New(seed, crc32(key)) as uint32."""
    block = np.arange((n + 3) // 4, dtype=np.uint64)
    low = np.uint64(0xFFFFFFFF)
    c = [block & low, block >> np.uint64(32), np.full_like(block, zlib.crc32(key.encode())), np.zeros_like(block)]
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & low, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, axis=1).reshape(-1)[:n].astype(np.uint32)


def uniform(key, shape, lo=-1.0, hi=1.0):
    """Returns Uniform(lo, hi) of the stream in row-major order: a float64 array of numbers rounded to float32."""
    u = words(key, int(np.prod(shape))).astype(np.float64) / 2.0**32
    return (lo + (hi - lo) * u).astype(np.float32).astype(np.float64).reshape(shape)


def signs(key, n):
    """Returns ±1 by the top bit of each word: 1 gives −1."""
    return 1.0 - 2.0 * (words(key, n) >> 31).astype(np.float64)
