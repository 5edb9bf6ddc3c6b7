"""Asks of a model whether those whom it was fitted to can be told from others.

Runs in the sandbox, with nothing of the study's but the model: data/model.onnx or data/model.safetensors,
data/train.parquet (members), data/held.parquet (others), data/dataset.json, data/settings.json.
Writes outputs/report.json. docs/airlock.md tells the figures; package membership names the papers.
"""

import json
import os
import struct

import numpy as np
import pyarrow.parquet as pq

settings = json.load(open("data/settings.json"))
described = json.load(open("data/dataset.json"))
features = [f["name"] for f in described["features"]]
chance = np.random.default_rng(settings["seed"])


class Untestable(Exception):
    """The model cannot be tested: why, by a code of the airlock's catalogue, and what fills its places."""

    def __init__(self, why, **values):
        super().__init__(why)
        self.report = {"untestable": why, "values": {name: str(value) for name, value in values.items()}}


def table(name, most):
    """Features, labels of rows whose outcome is known; at most so many, drawn by chance."""
    t = pq.read_table("data/" + name + ".parquet", columns=features + ["label", "censored"])
    x = np.column_stack([t[f].to_numpy(zero_copy_only=False) for f in features]).astype(np.float32)
    x = np.where(np.isnan(x), np.float32(settings["missing"]), x)
    y, known = t["label"].to_numpy(zero_copy_only=False), ~t["censored"].to_numpy(zero_copy_only=False).astype(bool)
    x, y = x[known], y[known].astype(np.float64)
    if len(y) > most:
        some = np.sort(chance.choice(len(y), most, replace=False))
        x, y = x[some], y[some]
    return x, y


def tensors(path):
    with open(path, "rb") as f:
        data = f.read()
    n = struct.unpack("<Q", data[:8])[0]
    kinds = {"F32": "<f4", "F64": "<f8", "F16": "<f2"}
    found = {}
    for name, t in json.loads(data[8 : 8 + n]).items():
        if name != "__metadata__" and t["dtype"] in kinds:
            a, b = t["data_offsets"]
            found[name] = np.frombuffer(data[8 + n + a : 8 + n + b], kinds[t["dtype"]]).astype(np.float64).reshape(t["shape"])
    return found


def opened():
    """The model as a function of features to the chance of the outcome, and its parameters."""
    if os.path.exists("data/model.safetensors"):
        found = tensors("data/model.safetensors")
        weights = [t for t in found.values() if t.size == len(features)]
        others = [t for t in found.values() if t.size != len(features)]
        if len(weights) != 1 or len(others) > 1 or others and others[0].size != 1:
            raise Untestable("weights")
        w, b = weights[0].ravel(), others[0].ravel()[0] if others else 0.0
        return lambda x: sigmoid(x.astype(np.float64) @ w + b), [t.ravel() for t in found.values()]
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        model = onnx.load("data/model.onnx", load_external_data=False)
        session = onnxruntime.InferenceSession("data/model.onnx", options, providers=["CPUExecutionProvider"])
    except Exception as e:
        raise Untestable("runtime", error=type(e).__name__)
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in ("tensor(float)", "tensor(double)"):
        raise Untestable("input")
    width = inputs[0].shape[-1] if inputs[0].shape else None
    if isinstance(width, int) and width != len(features):
        raise Untestable("width", given=width, features=len(features))
    kind = np.float64 if inputs[0].type == "tensor(double)" else np.float32

    def answers(x):
        parts = []
        for at in range(0, len(x), 4096):
            parts.append(probability(session.run(None, {inputs[0].name: x[at : at + 4096].astype(kind)}), len(x[at : at + 4096])))
        p = np.concatenate(parts)
        return p if p.min() >= 0 and p.max() <= 1 else sigmoid(p)

    return answers, parameters(model.graph)


def probability(outputs, n):
    """The column of the outcome among what a model answers."""
    for o in reversed(outputs):
        if isinstance(o, list) and len(o) == n and isinstance(o[0], dict):  # a map of classes
            return np.array([float(row.get(1, row.get("1", 0.0))) for row in o])
        if isinstance(o, np.ndarray) and o.dtype.kind == "f" and o.shape and o.shape[0] == n:
            if o.size == n:
                return o.reshape(n).astype(np.float64)
            if o.ndim == 2 and o.shape[1] == 2:
                return o[:, 1].astype(np.float64)
    raise Untestable("answer")


def parameters(graph):
    """All runs of numbers that a graph holds, those of the graphs within it too."""
    from onnx import numpy_helper

    for t in graph.initializer:
        a = numpy_helper.to_array(t)
        if a.dtype.kind == "f":
            yield a.ravel()
    for node in graph.node:
        for a in node.attribute:
            if len(a.floats):
                yield np.array(a.floats)
            if a.HasField("t") and numpy_helper.to_array(a.t).dtype.kind == "f":
                yield numpy_helper.to_array(a.t).ravel()
            if a.HasField("g"):
                yield from parameters(a.g)


def sigmoid(v):
    return 1 / (1 + np.exp(-np.clip(v, -50, 50)))


def confidence(p, y):
    """How sure of the true label, on the scale on which it is about normal. Source: Carlini 2022, section IV.C."""
    q = np.clip(np.where(y == 1, p, 1 - p), 1e-7, 1 - 1e-7)
    return np.log(q) - np.log(1 - q)


def auc(member, score):
    """The chance that a member scores above another; ties count half."""
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]
    m = member.sum()
    return (ranks[member].sum() - m * (m + 1) / 2) / (m * (len(member) - m))


def caught(member, score, false=0.01):
    """The share of members above the score that so few others reach."""
    return float((score[member] > np.quantile(score[~member], 1 - false, method="higher")).mean())


def between(member, score, figure, times=200):
    """A figure, and between what it lies in 95 of 100 samples like this one (bootstrap)."""
    inside, outside = np.flatnonzero(member), np.flatnonzero(~member)
    drawn = []
    for _ in range(times):
        some = np.concatenate([chance.choice(inside, len(inside)), chance.choice(outside, len(outside))])
        drawn.append(figure(member[some], score[some]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"value": round(float(figure(member, score)), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def shadow(kind):
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    seed = int(chance.integers(1 << 30))
    return {
        "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        "forest": lambda: RandomForestClassifier(100, random_state=seed),
        "boosting": lambda: HistGradientBoostingClassifier(random_state=seed),
        "network": lambda: make_pipeline(StandardScaler(), MLPClassifier((64,), max_iter=300, random_state=seed)),
    }[kind]()


def shadows(x, y):
    """Mean and spread, for each row, of what models that have not seen it answer. Source: Carlini 2022, the offline attack."""
    told, times = np.full((settings["shadows"], len(y)), np.nan), 0
    for n in range(settings["shadows"]):
        inside = chance.random(len(y)) < 0.5
        if len(set(y[inside])) < 2:
            continue
        model = shadow(settings["kind"]).fit(x[inside], y[inside])
        told[n, ~inside] = confidence(model.predict_proba(x[~inside])[:, 1], y[~inside])
        times += 1
    seen = (~np.isnan(told)).sum(0)
    mean = np.where(seen > 0, np.nansum(told, 0) / np.maximum(seen, 1), 0.0)
    spread = np.sqrt(np.nansum((told - mean) ** 2, 0) / np.maximum(seen, 1))
    spread = np.maximum(spread, np.nanstd(told - mean) + 1e-6)  # few shadows: one spread for all at least
    return mean, spread, times


def records(parts, x):
    """Whether three numbers in a row of the parameters are those of a record, as package disclosure asks."""
    def telling(w):
        return len({v for v in w if v not in (0, 1, -1)}) == 3

    known = set()
    for row in x.astype(np.float32):
        for i in range(len(row) - 2):
            w = tuple(row[i : i + 3].tolist())
            if telling(w):
                known.add(w)
    for part in parts:
        part = np.asarray(part, dtype=np.float32).tolist()
        for i in range(len(part) - 2):
            if tuple(part[i : i + 3]) in known:
                return True
    return False


def main():
    (tx, ty), (hx, hy) = table("train", settings["most"]), table("held", settings["most"])
    if min(len(ty), len(hy)) < settings["fewest"]:
        raise Untestable("fewest", n=settings["fewest"])
    answer, parts = opened()
    x, y = np.concatenate([tx, hx]), np.concatenate([ty, hy])
    member = np.arange(len(y)) < len(ty)
    p = answer(x)
    if len(p) != len(y) or not np.isfinite(p).all():
        raise Untestable("numbers")
    sure = confidence(p, y)
    right = (p >= 0.5) == (y == 1)
    mean, spread, times = shadows(x, y)
    unexpected = (sure - mean) / spread
    surprising = sigmoid(sure) - sigmoid(mean) > 0.5  # Feldman's estimate of what was remembered
    report = {
        "persons": described.get("persons", {}).get("train", 0),
        "members": int(member.sum()), "others": int((~member).sum()),
        "threshold": {"auc": between(member, sure, auc), "caught": between(member, sure, caught)},
        "shadow": {"auc": between(member, unexpected, auc), "caught": between(member, unexpected, caught), "kind": settings["kind"], "models": times},
        "gap": round(float(right[member].mean() - right[~member].mean()), 4),
        "remembered": round(float(max(0.0, surprising[member].mean() - surprising[~member].mean())), 4),
        "records": records(parts, tx),
    }
    return report


try:
    made = main()
except Untestable as e:
    made = e.report
with open("outputs/report.json", "w") as f:
    json.dump(made, f)
