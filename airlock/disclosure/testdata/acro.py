"""What acro says of tables: reads them as JSON, by name, and writes its verdicts.

A table has cells [row, column, count] or, of sums, [row, column, [contributions]].
"""

import json
import logging
import sys

logging.disable(logging.CRITICAL)

import pandas as pd
from acro import ACRO

session = ACRO(suppress=False)
verdicts = {}
for name, cells in json.load(sys.stdin).items():
    rows = []
    sums = False
    for row, column, what in cells:
        sums = sums or isinstance(what, list)
        for value in what if isinstance(what, list) else [1.0] * what:
            rows.append((row, column, value))
    data = pd.DataFrame(rows, columns=["r", "c", "v"])
    if sums:
        session.crosstab(data.r, data.c, values=data.v, aggfunc="sum")
    else:
        session.crosstab(data.r, data.c)
    verdicts[name] = session.results.get_index(-1).status
print("\n" + json.dumps(verdicts))
