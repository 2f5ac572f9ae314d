"""EfficientNet-Lite0 for inference on a CPU, built straight from the state dict of the ImageNet checkpoint.

Architecture: Tan and Le, "EfficientNet" (arXiv:1905.11946), in the Lite variant: no squeeze-and-excitation, ReLU6.
Kernel sizes, widths and expansions are read off the tensors' shapes. Three things make it fast:

- batch normalisation is folded into the convolutions;
- activations are channels-last, which is also how a decoded picture lies in memory;
- where the stride is 2, TensorFlow pads more at the far side. Padding both sides alike and widening the kernel by
  a leading row and column of zeros computes the same without copying the activations into a padded tensor.
"""

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

FEATURES = 1280
SIZE = 224
LARGEST_BATCH = 6
"""Pictures per pass. With more, activations exceed 32 MiB, glibc maps each one afresh, and throughput falls by a
quarter for page faults."""

_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
"""Of the 16 blocks' depthwise convolutions; all else follows from the tensors."""

_EPSILON = 1e-3

State = Mapping[str, Tensor]


class Lite0:
    """The network up to the pooled features."""

    def __init__(self, state: State, dtype: torch.dtype) -> None:
        self._stem = _Convolution.folded(state, "_conv_stem", "_bn0", dtype, stride=2)
        self._blocks = [_Block(state, f"_blocks.{i}.", stride, dtype) for i, stride in enumerate(_STRIDES)]
        self._head = _Convolution.folded(state, "_conv_head", "_bn1", dtype)

    def __call__(self, pictures: Tensor) -> Tensor:
        """Pooled features, shape (n, 1280), of normalised pictures, shape (n, 3, 224, 224), channels last."""
        hidden = self._stem(pictures)
        for block in self._blocks:
            hidden = block(hidden)
        return self._head(hidden).mean((2, 3))


class _Convolution:
    """A convolution with its batch normalisation folded in, and optionally ReLU6."""

    def __init__(self, weight: Tensor, bias: Tensor, stride: int, activation: bool) -> None:
        self._weight = weight
        self._bias = bias
        self._stride = stride
        self._padding = (weight.shape[-1] - 1) // 2
        self._groups = weight.shape[0] if weight.shape[1] == 1 else 1
        self._activation = activation

    @classmethod
    def folded(
        cls, state: State, name: str, norm: str, dtype: torch.dtype, *, stride: int = 1, activation: bool = True
    ) -> Self:
        scale = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + _EPSILON)
        weight = state[f"{name}.weight"] * scale[:, None, None, None]
        bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
        if stride == 2:
            weight = functional.pad(weight, (1, 0, 1, 0))
        weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
        return cls(weight, bias.to(dtype), stride, activation)

    def __call__(self, hidden: Tensor) -> Tensor:
        out = functional.conv2d(hidden, self._weight, self._bias, self._stride, self._padding, groups=self._groups)
        return functional.relu6(out, inplace=True) if self._activation else out


class _Block:
    """An inverted residual: widen (all but the first), depthwise, narrow, and add the input where shapes allow."""

    def __init__(self, state: State, prefix: str, stride: int, dtype: torch.dtype) -> None:
        steps = []
        if f"{prefix}_expand_conv.weight" in state:
            steps.append(_Convolution.folded(state, f"{prefix}_expand_conv", f"{prefix}_bn0", dtype))
        steps.append(_Convolution.folded(state, f"{prefix}_depthwise_conv", f"{prefix}_bn1", dtype, stride=stride))
        project = f"{prefix}_project_conv"
        steps.append(_Convolution.folded(state, project, f"{prefix}_bn2", dtype, activation=False))
        self._steps = steps
        self._same_size = stride == 1

    def __call__(self, inputs: Tensor) -> Tensor:
        hidden = inputs
        for step in self._steps:
            hidden = step(hidden)
        return hidden.add_(inputs) if self._same_size and hidden.shape == inputs.shape else hidden
