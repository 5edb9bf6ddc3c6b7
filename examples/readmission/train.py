"""Trains and evaluates a model of coming back to hospital within 30 days.

A logistic regression in numpy: it reads the training table a row group at a time, and keeps
no record. model.safetensors, metrics.csv and calibration.csv ask to leave; what stands
beside them helps the airlock to examine them.
"""

import argparse
import csv
import json
import struct

import numpy as np

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


mean, deviation, rows = spread(Rows("data/features", "train"))
weights = fit()

with open("outputs/metrics.csv", "w", newline="") as f:
    out = csv.writer(f)
    out.writerow(["split", "stays", "auc", "brier"])
    for split in ("train", "valid", "test"):
        _, y, p = evaluated(split)
        if min(y.sum(), len(y) - y.sum()) >= LEAST:
            out.writerow([split, len(y), f"{auc(y, p):.3f}", f"{np.mean((p - y) ** 2):.4f}"])

_, y, p = evaluated("test")
with open("outputs/calibration.csv", "w", newline="") as f:
    out = csv.writer(f)
    out.writerow(["risk", "stays", "mean_risk"])
    for n, part in enumerate(np.array_split(np.argsort(p, kind="stable"), 3)):
        if len(part) >= LEAST:
            out.writerow([["low", "middle", "high"][n], len(part), f"{p[part].mean():.3f}"])

# A membership test by shadow models: can those whom a model was fitted to be told from others?
apart = []
for shadow in range(4):
    chance = np.random.default_rng(100 + shadow)
    x, y = zip(*Rows("data/features", "train", shuffle=None))
    x, y = np.concatenate(x), np.concatenate(y)
    member = chance.random(len(y)) < 0.5
    w = np.zeros(len(mean) + 1)
    d = design(x)
    for epoch in range(args.epochs):
        step(w, d[member], y[member], epoch)
    q = risk(d, w)
    loss = -np.log(np.where(y == 1, q, 1 - q) + 1e-9)
    apart.append(auc(member.astype(float), -loss))
with open("outputs/attack.json", "w") as f:
    json.dump({"auc": round(float(np.mean(apart)), 3), "shadows": len(apart), "persons": int(rows)}, f)

# safetensors: a JSON head behind its length, then the numbers.
tensors = {"weight": weights[:-1] / deviation, "bias": np.array([weights[-1] - (weights[:-1] * mean / deviation).sum()])}
head, body = {}, b""
for name, t in tensors.items():
    data = t.astype("<f4").tobytes()
    head[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [len(body), len(body) + len(data)]}
    body += data
text = json.dumps(head, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
with open("outputs/model.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text + body)
with open("outputs/model.disclosure.yaml", "w") as f:
    f.write(f"kind: model\nobservations: {rows}\nattack: attack.json\n")
print("trained", len(mean), "weights")
