"""Streams a training table that a dataset step has made, one row group at a time.

    from rempart_dataset import Rows
    rows = Rows("data/features", "train", shuffle=7)
    for x, y in rows.batches(1024):        # numpy arrays: features, labels
        ...
    loader = torch.utils.data.DataLoader(rows, batch_size=None)

Rows is an IterableDataset where torch is there: it yields a row group's features and labels as
tensors' arrays, shared between the workers of a DataLoader. The whole table is never loaded.
"""

import json
import os

import numpy as np
import pyarrow.parquet as pq

try:
    from torch.utils.data import IterableDataset, get_worker_info
except ImportError:
    IterableDataset, get_worker_info = object, lambda: None


class Rows(IterableDataset):
    """The rows of one split. shuffle is a seed for the order of row groups and of rows within each; None keeps the order."""

    def __init__(self, folder, split, shuffle=None, missing=0.0, censored=False):
        with open(os.path.join(folder, "dataset.json")) as f:
            self.description = json.load(f)
        self.features = [f["name"] for f in self.description["features"]]
        self.path = os.path.join(folder, split + ".parquet")
        self.shuffle, self.missing, self.censored, self.epoch = shuffle, missing, censored, 0
        self.count = pq.ParquetFile(self.path).metadata.num_rows

    def groups(self):
        """Yields features, labels, days and censored of each row group, as numpy arrays."""
        file = pq.ParquetFile(self.path)
        order = np.arange(file.num_row_groups)
        worker, chance = get_worker_info(), None
        if self.shuffle is not None:
            chance = np.random.default_rng([self.shuffle, self.epoch])
            chance.shuffle(order)
        if worker is not None:
            order = order[worker.id :: worker.num_workers]
        self.epoch += 1
        for n in order:
            table = file.read_row_group(int(n))
            x = np.column_stack([table[name].to_numpy(zero_copy_only=False) for name in self.features]).astype(np.float32)
            x = np.where(np.isnan(x), np.float32(self.missing), x)
            y, days, censored = (table[name].to_numpy(zero_copy_only=False) for name in ("label", "days", "censored"))
            keep = np.arange(len(y)) if self.censored else np.flatnonzero(~censored.astype(bool))
            if chance is not None:
                chance.shuffle(keep)
            yield x[keep], y[keep].astype(np.float32), days[keep], censored[keep]

    def __iter__(self):
        for x, y, _, _ in self.groups():
            yield x, y

    def batches(self, size):
        """Yields features and labels of size rows, the last of a row group fewer."""
        for x, y in self:
            for at in range(0, len(y), size):
                yield x[at : at + size], y[at : at + size]
