-- Links between rows about persons: of the base's persons and of those who were mapped anew,
-- under new numbers. 1147339, exposures to drugs: a prescription and its dispensation. 1147306
-- and 1147330: a specimen and what was measured of it, found by the specimen and told both ways.
CREATE TABLE splice.fact AS
WITH dispensed AS (
    SELECT f.fact_id_1 + s.drug_exposure AS fact_id_1, f.fact_id_2 + s.drug_exposure AS fact_id_2, f.relationship_concept_id
    FROM base.fact_relationship f
    JOIN base.drug_exposure d ON d.drug_exposure_id = f.fact_id_1
    JOIN splice.person s ON s.person_id = d.person_id AND s.carried
    WHERE f.domain_concept_id_1 = 1147339
    UNION ALL
    SELECT f.fact_id_1 + s.drug_exposure, f.fact_id_2 + s.drug_exposure, f.relationship_concept_id
    FROM cdm.fact_relationship f
    JOIN cdm.drug_exposure d ON d.drug_exposure_id = f.fact_id_1
    JOIN splice.person s ON s.person_id = d.person_id AND NOT s.carried
    WHERE f.domain_concept_id_1 = 1147339
),
measured AS (
    SELECT f.fact_id_1 + s.specimen AS specimen_id, f.fact_id_2 + s.measurement AS measurement_id
    FROM base.fact_relationship f
    JOIN base.specimen t ON t.specimen_id = f.fact_id_1
    JOIN splice.person s ON s.person_id = t.person_id AND s.carried
    WHERE f.domain_concept_id_1 = 1147306
    UNION ALL
    SELECT f.fact_id_1 + s.specimen, f.fact_id_2 + s.measurement
    FROM cdm.fact_relationship f
    JOIN cdm.specimen t ON t.specimen_id = f.fact_id_1
    JOIN splice.person s ON s.person_id = t.person_id AND NOT s.carried
    WHERE f.domain_concept_id_1 = 1147306
)
SELECT 1147339 AS domain_concept_id_1, fact_id_1, 1147339 AS domain_concept_id_2, fact_id_2, relationship_concept_id FROM dispensed
UNION ALL
SELECT 1147306, specimen_id, 1147330, measurement_id, 32669 FROM measured
UNION ALL
SELECT 1147330, measurement_id, 1147306, specimen_id, 32668 FROM measured;

DELETE FROM cdm.fact_relationship WHERE domain_concept_id_1 IN (1147306, 1147330, 1147339);
INSERT INTO cdm.fact_relationship BY NAME FROM splice.fact ORDER BY domain_concept_id_1, fact_id_1, fact_id_2;
