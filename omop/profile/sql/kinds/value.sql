-- Of what has a value and a unit, which extra/ sees as told: 07 and 27, records by unit.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 7 AS analysis_id, concept_id AS stratum_1, unit_concept_id AS stratum_2, count(*) AS n FROM told WHERE unit_concept_id IS NOT NULL GROUP BY ALL
UNION ALL
SELECT getvariable('base') + 27, unit_concept_id, NULL, count(*) FROM told WHERE unit_concept_id IS NOT NULL GROUP BY ALL;

-- 15, numbers by concept and unit.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 15 AS analysis_id, concept_id AS stratum_1, coalesce(unit_concept_id, 0) AS stratum_2, value_as_number AS value, count(*) AS n
FROM told WHERE isfinite(value_as_number) GROUP BY ALL;

-- 22, 23 and 26, records by value, and by operator or qualifier.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 22 AS analysis_id, concept_id AS stratum_1, value_as_concept_id AS stratum_2, count(*) AS n FROM told WHERE value_as_concept_id IS NOT NULL GROUP BY ALL
UNION ALL
SELECT getvariable('base') + 23, concept_id, manner_concept_id, count(*) FROM told WHERE manner_concept_id IS NOT NULL GROUP BY ALL
UNION ALL
SELECT getvariable('base') + 26, value_as_concept_id, NULL, count(*) FROM told WHERE value_as_concept_id IS NOT NULL GROUP BY ALL;
