"""Links the files of a job with Splink, and prints what it took.

The job is JSON: the Parquet files, and comparisons, blocking and training rules
in SQL, which the suite makes of the spec that the other side runs.
"""

import json
import logging
import os
import resource
import sys
import time

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink.backends.duckdb import DuckDBAPI
from splink import Linker, SettingsCreator

logging.disable(logging.WARNING)
job = json.load(open(sys.argv[1]))
connection = duckdb.connect()
connection.execute(f"SET threads = {os.cpu_count()}")
began = time.time()
api = DuckDBAPI(connection)
files = [f for f in (job["left"], job["right"]) if f]
tables = []
for i, f in enumerate(files):
    connection.execute(f"CREATE TABLE file_{i} AS FROM read_parquet('{f}')")
    tables.append(api.register(f"file_{i}"))


def level(l):
    if l["kind"] == "exact":
        return cll.ExactMatchLevel(l["column"], term_frequency_adjustments=l["terms"])
    return cll.CustomLevel(l["sql"], label_for_charts=l["name"])


comparisons = [
    cl.CustomComparison(
        output_column_name=c["column"],
        comparison_levels=[cll.NullLevel(c["column"])] + [level(l) for l in c["levels"]] + [cll.ElseLevel()],
    )
    for c in job["comparisons"]
]
settings = SettingsCreator(
    link_type="link_only" if job["right"] else "dedupe_only",
    unique_id_column_name="id",
    comparisons=comparisons,
    blocking_rules_to_generate_predictions=job["blocking"],
    retain_matching_columns=False,
    retain_intermediate_calculation_columns=False,
)
linker = Linker(tables if job["right"] else tables[0], settings, log_level=None)
linker.training.estimate_probability_two_random_records_match(job["training"][:2], recall=0.8)
linker.training.estimate_u_using_random_sampling(max_pairs=job["random_pairs"], seed=1)
for rule in job["training"]:
    linker.training.estimate_parameters_using_expectation_maximisation(rule)
trained = time.time()
predictions = linker.inference.predict(threshold_match_probability=job["clerical"])
pairs = predictions.physical_name
took, predicted = time.time() - began, time.time() - trained
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

right = connection.execute(f"""
CREATE TABLE truth AS FROM read_parquet('{job["truth"]}');
CREATE TABLE judged AS
SELECT p.match_probability AS p, t.l IS NOT NULL AS hit
FROM {pairs} p LEFT JOIN (FROM truth UNION {"ALL" if job["right"] else ""} SELECT r, l FROM truth) t ON t.l = p.id_l AND t.r = p.id_r;
WITH steps AS (SELECT p, sum(hit::INT) OVER w AS tp, count(*) OVER w AS n FROM judged WINDOW w AS (ORDER BY p DESC RANGE UNBOUNDED PRECEDING))
SELECT max(2 * tp / (n + (SELECT count(*) FROM truth))),
       coalesce(max(2 * tp / (n + (SELECT count(*) FROM truth))) FILTER (WHERE p = (SELECT min(p) FROM judged WHERE p >= 0.5)), 0)
FROM steps""").fetchone()
print(json.dumps({"seconds": took, "predict": predicted, "peak": peak, "best_f1": right[0], "f1": right[1]}))
