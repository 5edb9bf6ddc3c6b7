CREATE OR REPLACE TEMP VIEW told AS
SELECT *, measurement_concept_id AS concept_id, operator_concept_id AS manner_concept_id
FROM cdm.measurement
WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person');

-- 1811 and 1819, records of a standard concept with a number; 1814, without any value;
-- 1821, without a number.
INSERT INTO profile.tally BY NAME
SELECT 1811 AS analysis_id, NULL AS stratum_1, count(*) AS n FROM told WHERE concept_id <> 0 AND value_as_number IS NOT NULL
UNION ALL
SELECT 1819, concept_id, count(*) FROM told WHERE concept_id <> 0 AND value_as_number IS NOT NULL GROUP BY ALL
UNION ALL
SELECT 1814, NULL, count(*) FROM told WHERE value_as_number IS NULL AND coalesce(value_as_concept_id, 0) = 0
UNION ALL
SELECT 1821, NULL, count(*) FROM told WHERE value_as_number IS NULL;

-- 1816 and 1817, the ends of the normal range of numbers, by concept and unit.
INSERT INTO profile.tally BY NAME
SELECT 1816 AS analysis_id, concept_id AS stratum_1, coalesce(unit_concept_id, 0) AS stratum_2, range_low AS value, count(*) AS n FROM told WHERE isfinite(range_low) GROUP BY ALL
UNION ALL
SELECT 1817, concept_id, coalesce(unit_concept_id, 0), range_high, count(*) FROM told WHERE isfinite(range_high) GROUP BY ALL;

-- 1818, numbers below, within and above the normal range, by concept and unit.
INSERT INTO profile.tally BY NAME
SELECT
    1818                         AS analysis_id,
    concept_id                   AS stratum_1,
    coalesce(unit_concept_id, 0) AS stratum_2,
    CASE
        WHEN value_as_number < range_low THEN 'Below Range Low'
        WHEN value_as_number > range_high THEN 'Above Range High'
        ELSE 'Within Range'
    END                          AS stratum_3,
    count(*)                     AS n
FROM told
WHERE value_as_number IS NOT NULL AND range_low IS NOT NULL AND range_high IS NOT NULL
GROUP BY ALL;
