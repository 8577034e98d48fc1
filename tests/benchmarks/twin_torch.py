"""The network of the benchmarks in PyTorch, as one writes it, and with our trick written in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from stream import HIDDEN, LEARNING_RATE, POSITIONS, SLOTS, WIDTH
from torch.nn import functional

Step = Callable[[int], float]


class WindowNetwork(torch.nn.Module):
    """x = rows of L side by side; relu(x W + b1) U + b2."""

    def __init__(self, parameters: Mapping[str, NDArray[np.float32]], sparse: bool):
        super().__init__()
        table = torch.from_numpy(parameters["L.all"].copy())
        self.L = torch.nn.Embedding.from_pretrained(table, freeze=False, sparse=sparse)
        self.hidden = torch.nn.Linear(SLOTS * WIDTH, HIDDEN)
        self.output = torch.nn.Linear(HIDDEN, parameters["U"].shape[1])
        with torch.no_grad():
            for layer, weight, bias in ((self.hidden, "W", "b1"), (self.output, "U", "b2")):
                layer.weight.copy_(torch.from_numpy(parameters[weight].T.copy()))
                layer.bias.copy_(torch.from_numpy(parameters[bias].copy()))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """ids (B, SLOTS) -> theta (B, K)."""
        x = self.L(ids).view(len(ids), -1)
        return self.output(torch.relu(self.hidden(x)))

    def by_distinct_token(self, slots: torch.Tensor, rows_of_P: torch.Tensor) -> torch.Tensor:
        """slots (T, F) of the distinct tokens, rows_of_P (B, n) -> theta (B, K)."""
        E = self.L(slots).view(len(slots), -1)
        D = E.shape[1]
        blocks = self.hidden.weight.view(HIDDEN, POSITIONS, D).permute(2, 1, 0).reshape(D, -1)
        P = (E @ blocks).view(-1, HIDDEN)
        z = functional.embedding_bag(rows_of_P, P, mode="sum") + self.hidden.bias
        return self.output(torch.relu(z))


def make_step(
    side: str,
    parameters: Mapping[str, NDArray[np.float32]],
    windows: NDArray[np.int64],
    around: NDArray[np.int64],
    by_token: NDArray[np.int64],
    labels: NDArray[np.int64],
    batch: int,
    threads: int,
) -> Step:
    """`step(i)` trains on the i-th batch and returns its loss; batches are cut beforehand.

    Sides: torch-dense, torch-sparse (SparseAdam for L), torch-compiled (dense, torch.compile),
    torch-distinct (our per-distinct-token form, SparseAdam for L).
    """
    torch.set_num_threads(threads)
    sparse = side in ("torch-sparse", "torch-distinct")
    network = WindowNetwork(parameters, sparse)
    dense = [p for name, p in network.named_parameters() if not (sparse and name == "L.weight")]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.Adam(dense, lr=LEARNING_RATE, fused=True)
    ]
    if sparse:
        optimizers.append(torch.optim.SparseAdam([network.L.weight], lr=LEARNING_RATE))
    targets = torch.from_numpy(labels).split(batch)
    if side == "torch-distinct":
        inputs = [_distinct(part, by_token) for part in np.split(around, _cuts(around, batch))]
        forward: Callable[..., torch.Tensor] = network.by_distinct_token
    else:
        inputs = [(part,) for part in torch.from_numpy(windows).split(batch)]
        forward = torch.compile(network) if side == "torch-compiled" else network

    def step(i: int) -> float:
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(forward(*inputs[i]), targets[i])
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        return loss.item()

    return step


def _cuts(rows: NDArray[np.int64], batch: int) -> NDArray[np.int64]:
    return np.arange(batch, len(rows), batch)


def _distinct(
    around: NDArray[np.int64], by_token: NDArray[np.int64]
) -> tuple[torch.Tensor, torch.Tensor]:
    """(T, F) slots of a batch's distinct tokens, (B, n) rows of P."""
    used, local = np.unique(around, return_inverse=True)
    rows = local.reshape(around.shape) * POSITIONS + np.arange(POSITIONS)
    return torch.from_numpy(by_token[used]), torch.from_numpy(rows)
