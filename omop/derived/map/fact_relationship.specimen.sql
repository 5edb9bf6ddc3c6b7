-- fact_relationship.specimen: a specimen and what was measured of it.
-- Source: measurement, specimen.
-- Rule: a measurement that names its specimen is linked to it, where it is the same person's; of several rows of one
--   name to the first, those of the measurement's own deposit before others. Both ways: 32669 specimen to measurement,
--   32668 measurement to specimen; 1147306: a specimen, 1147330: a measurement.
-- Reference: OMOP CDM 5.4, FACT_RELATIONSHIP (https://ohdsi.github.io/CommonDataModel/cdm54.html#fact_relationship):
--   "measurements derived from an associated specimen"
WITH taken AS (
    SELECT m.measurement_id, arg_min(s.specimen_id, (s.deposit <> m.deposit, s.specimen_id)) AS specimen_id
    FROM measurement m
    JOIN specimen s ON s.person_id = m.person_id AND s.key = m.specimen_key
    GROUP BY m.measurement_id
)
SELECT 1147306 AS domain_concept_id_1, specimen_id AS fact_id_1, 1147330 AS domain_concept_id_2, measurement_id AS fact_id_2, 32669 AS relationship_concept_id
FROM taken
UNION ALL
SELECT 1147330, measurement_id, 1147306, specimen_id, 32668
FROM taken
