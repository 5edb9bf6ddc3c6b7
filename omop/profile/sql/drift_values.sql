-- What changed in distributions: means of a stratum differ by more than $mean pooled
-- standard deviations (standardised mean difference), and by more than three standard
-- errors. Strata of fewer than $small in either release are left out.
WITH compared AS (
    SELECT
        n.analysis_id,
        concat_ws(', ', n.stratum_1, n.stratum_2, n.stratum_3)                      AS stratum,
        n.avg_value                                                                 AS now,
        b.avg_value                                                                 AS before,
        sqrt((n.stdev_value ^ 2 + b.stdev_value ^ 2) / 2)                           AS deviation,
        sqrt(n.stdev_value ^ 2 / n.count_value + b.stdev_value ^ 2 / b.count_value) AS error
    FROM now_achilles_results_dist n
    JOIN before_achilles_results_dist b
      ON n.analysis_id = b.analysis_id
     AND n.stratum_1 IS NOT DISTINCT FROM b.stratum_1
     AND n.stratum_2 IS NOT DISTINCT FROM b.stratum_2
     AND n.stratum_3 IS NOT DISTINCT FROM b.stratum_3
    WHERE least(n.count_value, b.count_value) >= $small
),
changed AS (
    SELECT *, (now - before) / greatest(deviation, 1e-9) AS change
    FROM compared
    WHERE abs(now - before) > $mean * deviation AND abs(now - before) > 3 * error AND now <> before
)
SELECT
    c.analysis_id,
    any_value(a.analysis_name),
    'mean'                                                   AS measure,
    arg_max(c.before, abs(c.change))                         AS before,
    arg_max(c.now, abs(c.change))                            AS now,
    arg_max(c.change, abs(c.change))                         AS change,
    CASE WHEN count(*) > 1 THEN count(*) || ' strata; ' ELSE '' END || arg_max(c.stratum, abs(c.change)) AS strata
FROM changed c JOIN now_achilles_analysis a USING (analysis_id)
GROUP BY c.analysis_id
ORDER BY c.analysis_id;
