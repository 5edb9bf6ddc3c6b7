"""Trains a small neural network in PyTorch: who comes back to hospital within 30 days.

The training table is streamed: a DataLoader hands on a row group at a time, and the table is
never loaded whole. model.onnx and metrics.csv ask to leave; the airlock tests by itself whether
the model remembers anybody. It runs on a processor, or on a GPU where the step asks for one.
"""

import argparse
import csv

import torch
from torch import nn
from torch.utils.data import DataLoader

from rempart_dataset import Rows

LEAST = 11  # persons behind each number
options = argparse.ArgumentParser()
options.add_argument("--epochs", type=int, default=20)
options.add_argument("--width", type=int, default=8)
options.add_argument("--decay", type=float, default=0.05)
args = options.parse_args()

torch.manual_seed(7)  # the same bytes again
torch.use_deterministic_algorithms(True)
device = "cuda" if torch.cuda.is_available() else "cpu"


def spread(batches):
    """Mean and deviation of each feature, in one pass, and the number of rows."""
    n, total, squares = 0, 0.0, 0.0
    for x, _ in batches:
        x = x.double()
        n, total, squares = n + len(x), total + x.sum(0), squares + (x * x).sum(0)
    mean = total / n
    return mean.float(), (squares / n - mean**2).clamp(min=1e-12).sqrt().float(), n


class Risk(nn.Module):
    """Features as the training table has them to the chance of coming back: the scaling is within."""

    def __init__(self, mean, deviation):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.layers = nn.Sequential(nn.Linear(len(mean), args.width), nn.Tanh(), nn.Linear(args.width, 1))

    def forward(self, x):
        return torch.sigmoid(self.layers((x - self.mean) / self.deviation))


def fit(model, rows):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=args.decay)
    loss = nn.BCELoss()
    for _ in range(args.epochs):
        for x, y in DataLoader(rows, batch_size=None):  # a row group
            for at in range(0, len(y), 256):
                optimizer.zero_grad()
                loss(model(x[at : at + 256].to(device))[:, 0], y[at : at + 256].to(device)).backward()
                optimizer.step()


def answers(model, split):
    """The outcome of each row of a split, and what the model says of it."""
    with torch.no_grad():
        pairs = [(y, model(x.to(device))[:, 0].cpu()) for x, y in DataLoader(Rows("data/features", split), batch_size=None)]
    return torch.cat([y for y, _ in pairs]), torch.cat([p for _, p in pairs])


def auc(y, p):
    """The chance that one who comes back has the higher risk; ties count half."""
    more = (p[y == 1][:, None] - p[y == 0][None, :]).sign()
    return ((more + 1) / 2).mean().item()


mean, deviation, count = spread(DataLoader(Rows("data/features", "train"), batch_size=None))
model = Risk(mean, deviation).to(device)
fit(model, Rows("data/features", "train", shuffle=7))
model.eval()

with open("outputs/metrics.csv", "w", newline="") as f:
    out = csv.writer(f)
    out.writerow(["split", "stays", "auc", "brier"])
    for split in ("train", "valid", "test"):
        y, p = answers(model, split)
        if min(y.sum(), len(y) - y.sum()) >= LEAST:
            out.writerow([split, len(y), f"{auc(y, p):.3f}", f"{((p - y) ** 2).mean().item():.3f}"])

torch.onnx.export(
    model.cpu(), mean[None], "outputs/model.onnx", dynamo=False,
    input_names=["features"], output_names=["risk"], dynamic_axes={"features": {0: "rows"}, "risk": {0: "rows"}},
)
with open("outputs/model.disclosure.yaml", "w") as f:
    f.write(f"kind: model\nobservations: {count}\nshadow: network\n")
print("trained", sum(p.numel() for p in model.parameters()), "weights by", device)
