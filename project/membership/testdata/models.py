"""Makes a training table of chance, and models that were fitted to it: one that remembers it, one that does not.

The labels of the table depend a little on two of its features. The network has more weights than
the table has rows and is trained until it knows each; the regression has one weight a feature."""

import json
import os
import sys
import warnings

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

warnings.filterwarnings("ignore")
out, rows, width = sys.argv[1], 300, 8
chance = np.random.default_rng(3)


def table(n):
    x = np.round(chance.normal(50, 10, (n, width)), 3).astype(np.float32)
    y = (chance.random(n) < 1 / (1 + np.exp(-(x[:, 0] - x[:, 1]) / 10))).astype(np.int8)
    return x, y


def write(name, x, y):
    columns = {"f%d" % i: x[:, i] for i in range(width)}
    columns.update(label=y, days=np.full(len(y), 30, np.int32), censored=np.zeros(len(y), bool))
    pq.write_table(pa.table(columns), os.path.join(out, name))


def tensor(name, a):
    return numpy_helper.from_array(np.ascontiguousarray(a, dtype=np.float32), name)


def save(name, nodes, tensors):
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, width])], [helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, 1])], tensors)
    model = helper.make_model(graph, producer_name="test", opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, os.path.join(out, name))


x, y = table(rows)
hx, hy = table(rows)
write("train.parquet", x, y)
write("test.parquet", hx, hy)
json.dump({"features": [{"name": "f%d" % i, "kind": "last"} for i in range(width)]}, open(os.path.join(out, "dataset.json"), "w"))
mean, deviation = x.mean(0), x.std(0)

net = MLPClassifier((100,), alpha=0, learning_rate_init=0.01, max_iter=800, tol=1e-7, random_state=1).fit((x - mean) / deviation, y)
(w1, w2), (b1, b2) = net.coefs_, net.intercepts_
save("overfit.onnx", [
    helper.make_node("Sub", ["x", "mean"], ["c"]), helper.make_node("Div", ["c", "deviation"], ["z"]),
    helper.make_node("Gemm", ["z", "w1", "b1"], ["h"]), helper.make_node("Relu", ["h"], ["r"]),
    helper.make_node("Gemm", ["r", "w2", "b2"], ["l"]), helper.make_node("Sigmoid", ["l"], ["p"]),
], [tensor("mean", mean), tensor("deviation", deviation), tensor("w1", w1), tensor("b1", b1), tensor("w2", w2), tensor("b2", b2)])

line = LogisticRegression(C=0.1).fit((x - mean) / deviation, y)
w = line.coef_[0] / deviation
b = line.intercept_[0] - (line.coef_[0] * mean / deviation).sum()
graph = [helper.make_node("Gemm", ["x", "w", "b"], ["l"]), helper.make_node("Sigmoid", ["l"], ["p"])]
save("regularised.onnx", graph, [tensor("w", w[:, None]), tensor("b", [b])])
save("records.onnx", graph, [tensor("w", w[:, None]), tensor("b", [b]), tensor("prototype", x[7])])
save("narrow.onnx", [helper.make_node("Sigmoid", ["x"], ["p"])], [])
wide = helper.make_graph([helper.make_node("Sigmoid", ["x"], ["p"])], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, width + 1])], [helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, width + 1])])
model = helper.make_model(wide, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
onnx.save(model, os.path.join(out, "wide.onnx"))


def safetensors(name, tensors):
    head, body = {}, b""
    for n, a in tensors.items():
        data = np.asarray(a, dtype="<f4").tobytes()
        head[n] = {"dtype": "F32", "shape": list(np.shape(a)), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(head).encode()
    with open(os.path.join(out, name), "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text + body)


safetensors("regularised.safetensors", {"weight": w, "bias": [b]})
safetensors("two.safetensors", {"first": w, "second": w})
