"""Trains and evaluates a model of coming back to hospital within 30 days.

A logistic regression in numpy: it reads the training table a row group at a time, and keeps
no record. model.onnx, metrics.csv and calibration.csv ask to leave; what stands beside the model
says what it is to the airlock, which tests by itself whether it remembers anybody.
"""

import argparse
import csv

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rempart_dataset import Rows

LEAST = 11  # persons behind each number
options = argparse.ArgumentParser()
options.add_argument("--epochs", type=int, default=20)
options.add_argument("--rate", type=float, default=0.05)
options.add_argument("--ridge", type=float, default=0.01)
args = options.parse_args()


def spread(rows):
    """Mean and deviation of each feature, in one pass."""
    n, total, squares = 0, 0.0, 0.0
    for x, _ in rows:
        x = x.astype(np.float64)
        n, total, squares = n + len(x), total + x.sum(0), squares + (x * x).sum(0)
    mean = total / n
    return mean, np.sqrt(np.maximum(squares / n - mean**2, 1e-12)), n


def step(w, x, y, epoch):
    """One step down the slope for each mini-batch."""
    for at in range(0, len(y), 256):
        b, t = x[at : at + 256], y[at : at + 256]
        w -= args.rate / (1 + epoch) * (b.T @ (risk(b, w) - t) / len(t) + args.ridge * np.append(w[:-1], 0))


def fit():
    w, rows = np.zeros(len(mean) + 1), Rows("data/features", "train", shuffle=7)
    for epoch in range(args.epochs):
        for x, y in rows:
            step(w, design(x), y, epoch)
    return w


def design(x):
    return np.column_stack([(x - mean) / deviation, np.ones(len(x))])


def risk(x, w):
    return 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))


def auc(y, p):
    """The chance that one who comes back has the higher risk; ties count half."""
    order = np.argsort(p, kind="stable")
    ranks = np.empty(len(p))
    values, start, counts = np.unique(p[order], return_index=True, return_counts=True)
    ranks[order] = np.repeat(start + (counts + 1) / 2, counts)
    positive = y.sum()
    negative = len(y) - positive
    if positive == 0 or negative == 0:
        return float("nan")
    return (ranks[y == 1].sum() - positive * (positive + 1) / 2) / (positive * negative)


def evaluated(split):
    x, y = zip(*Rows("data/features", split))
    x, y = np.concatenate(x), np.concatenate(y)
    return x, y, risk(design(x), weights)


def interval(y, p, figure, times=200):
    """Between what a figure lies in 95 of 100 samples of these stays (bootstrap)."""
    chance, drawn = np.random.default_rng(11), []
    for _ in range(times):
        some = chance.integers(0, len(y), len(y))
        drawn.append(figure(y[some], p[some]))
    return [f"{v:.3f}" for v in np.nanquantile(drawn, [0.025, 0.975])]


def brier(y, p):
    return np.mean((p - y) ** 2)


mean, deviation, rows = spread(Rows("data/features", "train"))
weights = fit()

with open("outputs/metrics.csv", "w", newline="") as f:
    out = csv.writer(f)
    out.writerow(["split", "stays", "auc", "auc_low", "auc_high", "brier", "brier_low", "brier_high"])
    for split in ("train", "valid", "test"):
        _, y, p = evaluated(split)
        if min(y.sum(), len(y) - y.sum()) >= LEAST:
            out.writerow([split, len(y), f"{auc(y, p):.3f}", *interval(y, p, auc), f"{brier(y, p):.3f}", *interval(y, p, brier)])

_, y, p = evaluated("test")
with open("outputs/calibration.csv", "w", newline="") as f:
    out = csv.writer(f)
    out.writerow(["risk", "stays", "mean_risk"])
    for n, part in enumerate(np.array_split(np.argsort(p, kind="stable"), 3)):
        if len(part) >= LEAST:
            out.writerow([["low", "middle", "high"][n], len(part), f"{p[part].mean():.3f}"])

# One step of ONNX, on the features as the training table has them: the scaling is in the weights.
slope = weights[:-1] / deviation
bias = weights[-1] - (weights[:-1] * mean / deviation).sum()
graph = helper.make_graph(
    [helper.make_node("Gemm", ["features", "weight", "bias"], ["score"]), helper.make_node("Sigmoid", ["score"], ["risk"])],
    "readmission",
    [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, len(slope)])],
    [helper.make_tensor_value_info("risk", TensorProto.FLOAT, [None, 1])],
    [numpy_helper.from_array(slope.astype(np.float32)[:, None], "weight"), numpy_helper.from_array(np.array([bias], np.float32), "bias")],
)
model = helper.make_model(graph, producer_name="rempart example", opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
onnx.save(model, "outputs/model.onnx")
with open("outputs/model.disclosure.yaml", "w") as f:
    f.write(f"kind: model\nobservations: {rows}\nshadow: logistic\n")
print("trained", len(mean), "weights")
