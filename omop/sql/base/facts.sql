-- Links of a prescription to its dispensation (1147339: an exposure to a drug), of the base's
-- persons and of those who were mapped anew, under new numbers.
CREATE TABLE splice.fact AS
SELECT f.* REPLACE (f.fact_id_1 + s.drug_exposure AS fact_id_1, f.fact_id_2 + s.drug_exposure AS fact_id_2)
FROM base.fact_relationship f
JOIN base.drug_exposure d ON d.drug_exposure_id = f.fact_id_1
JOIN splice.person s ON s.person_id = d.person_id AND s.carried
WHERE f.domain_concept_id_1 = 1147339
UNION ALL BY NAME
SELECT
    f.domain_concept_id_1, f.fact_id_1 + s.drug_exposure AS fact_id_1,
    f.domain_concept_id_2, f.fact_id_2 + s.drug_exposure AS fact_id_2,
    f.relationship_concept_id
FROM cdm.fact_relationship f
JOIN cdm.drug_exposure d ON d.drug_exposure_id = f.fact_id_1
JOIN splice.person s ON s.person_id = d.person_id AND NOT s.carried
WHERE f.domain_concept_id_1 = 1147339;

DELETE FROM cdm.fact_relationship WHERE domain_concept_id_1 = 1147339;
INSERT INTO cdm.fact_relationship BY NAME FROM splice.fact ORDER BY fact_id_1, fact_id_2;
