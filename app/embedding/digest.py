"""A digest of weights that tells models apart, and only models."""

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import torch

from app.machine import available_cores


def weights_digest(state: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 (hex) over the weights of a state dict: dtype, shape and bytes of each tensor.

    The tensors' own digests are sorted, and their names left out: libraries rename modules from release to
    release, and the same weights must not become another model by that. Buffers of integers are left out for the
    same reason; they hold positions and counters. Tensors are hashed side by side (hashlib lets go of the GIL).
    """
    weights = [tensor for tensor in state.values() if tensor.is_floating_point()]
    with ThreadPoolExecutor(min(4, available_cores())) as pool:
        digests = set(pool.map(_tensor_digest, weights))
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def _tensor_digest(tensor: torch.Tensor) -> bytes:
    header = f"{tensor.dtype} {tuple(tensor.shape)} "
    content = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy()
    digest = hashlib.sha256(header.encode())
    digest.update(content.data)
    return digest.digest()
