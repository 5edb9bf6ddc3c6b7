-- What changed in counts, analysis by analysis: $persons_now and $persons_before are the
-- releases' persons. Counts by month or year are held against each other from the
-- first to the last month that both releases know of; later months are no change.
--
--   total: records a person (persons: all of them) differ by more than $total of what they
--          were, and by more than three standard errors of a count
--   shape: so much of the counts stands in other strata (total variation distance), more than
--          $shape and more than chance moves
WITH kind AS (
    SELECT
        analysis_id, analysis_name,
        CASE WHEN stratum_1_name LIKE '%calendar%' THEN 1 WHEN stratum_2_name LIKE '%calendar%' THEN 2 END AS timely -- which stratum is a time
    FROM now_achilles_analysis
    WHERE is_default = 1 AND analysis_id <> 0 AND analysis_id % 100 <> 91 -- of which one adds up the other
),
strata AS (
    SELECT
        analysis_id,
        coalesce(n.stratum, b.stratum)  AS stratum,
        coalesce(n.count_value, 0)      AS now,
        coalesce(b.count_value, 0)      AS before
    FROM now_strata n
    FULL JOIN before_strata b USING (analysis_id, stratum)
),
timed AS (
    SELECT k.analysis_name, s.*, CASE WHEN k.timely IS NOT NULL THEN CAST(split_part(s.stratum, ', ', k.timely) AS INTEGER) END AS time
    FROM strata s JOIN kind k USING (analysis_id)
),
compared AS (
    SELECT * FROM timed
    WINDOW a AS (PARTITION BY analysis_id)
    QUALIFY time IS NULL OR time BETWEEN
        greatest(min(time) FILTER (now > 0) OVER a, min(time) FILTER (before > 0) OVER a)
        AND least(max(time) FILTER (now > 0) OVER a, max(time) FILTER (before > 0) OVER a)
),
totals AS (
    SELECT
        analysis_id, any_value(analysis_name) AS analysis_name, sum(now) AS now, sum(before) AS before, count(*) AS strata,
        CASE WHEN analysis_id = 1 THEN 1 ELSE $persons_now / $persons_before END AS growth
    FROM compared GROUP BY analysis_id
),
shares AS (
    SELECT
        c.analysis_id, c.stratum, c.now, c.before,
        c.now / t.now                                         AS share_now,
        c.before / t.before                                   AS share_before,
        (c.now + c.before) / (t.now + t.before)               AS pooled,
        1 / t.now + 1 / t.before                              AS inverse
    FROM compared c JOIN totals t USING (analysis_id)
    WHERE t.now > 0 AND t.before > 0
),
shapes AS (
    SELECT
        analysis_id,
        sum(abs(share_now - share_before)) / 2                                        AS distance,
        sum(sqrt(2 / pi() * greatest(0, pooled * (1 - pooled)) * inverse)) / 2
            * (1 + 3 * sqrt(pi() / 2 - 1) / sqrt(greatest(1, count(*) - 1)))          AS chance, -- mean and three deviations of the distance of two samples
        list({stratum: stratum, before: share_before, now: share_now} ORDER BY abs(share_now - share_before) DESC, stratum)
            FILTER ((now = 0 OR now >= $small) AND (before = 0 OR before >= $small))  AS moved
    FROM shares GROUP BY analysis_id
)
SELECT
    t.analysis_id,
    t.analysis_name,
    'total'                                                 AS measure,
    CASE WHEN t.analysis_id = 1 THEN t.before ELSE t.before / $persons_before END AS before,
    CASE WHEN t.analysis_id = 1 THEN t.now ELSE t.now / $persons_now END          AS now,
    t.now / (t.before * t.growth) - 1                       AS change,
    ''                                                      AS strata
FROM totals t
WHERE least(t.now, t.before) >= $small
  AND abs(t.now - t.before * t.growth) > $total * t.before * t.growth
  AND abs(t.now - t.before * t.growth) > 3 * sqrt(t.now + t.before * t.growth ^ 2)
UNION ALL
SELECT t.analysis_id, t.analysis_name, CASE WHEN t.now = 0 THEN 'gone' ELSE 'new' END, t.before / $persons_before, t.now / $persons_now, NULL, ''
FROM totals t
WHERE least(t.now, t.before) = 0 AND greatest(t.now, t.before) >= $small
UNION ALL
SELECT
    t.analysis_id, t.analysis_name, 'shape', NULL, NULL, s.distance,
    coalesce(list_aggregate(list_transform(s.moved[1:3], lambda m: printf('%s: %.1f %% → %.1f %%', m.stratum, 100 * m.before, 100 * m.now)), 'string_agg', '; '), '')
FROM shapes s JOIN totals t USING (analysis_id)
WHERE t.strata > 1 AND s.distance > greatest($shape, s.chance)
ORDER BY 1, 3;
