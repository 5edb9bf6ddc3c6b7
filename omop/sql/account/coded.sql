-- The codes that the CDM's rows came from, and how many rows have no standard
-- concept. A row that states a concept without any code is not coded.
CREATE OR REPLACE TABLE stage.coded AS
WITH coded AS (
    SELECT vocabulary_id, concept_code, condition_source_value AS source_value, condition_source_concept_id AS source_concept_id, condition_concept_id AS concept_id FROM cdm.condition_occurrence
    UNION ALL
    SELECT vocabulary_id, concept_code, drug_source_value, drug_source_concept_id, drug_concept_id FROM cdm.drug_exposure
    UNION ALL
    SELECT vocabulary_id, concept_code, procedure_source_value, procedure_source_concept_id, procedure_concept_id FROM cdm.procedure_occurrence
    UNION ALL
    SELECT vocabulary_id, concept_code, device_source_value, device_source_concept_id, device_concept_id FROM cdm.device_exposure
    UNION ALL
    SELECT vocabulary_id, concept_code, measurement_source_value, measurement_source_concept_id, measurement_concept_id FROM cdm.measurement
    UNION ALL
    SELECT vocabulary_id, concept_code, observation_source_value, observation_source_concept_id, observation_concept_id FROM cdm.observation
    UNION ALL
    SELECT vocabulary_id, concept_code, visit_source_value, visit_source_concept_id, coalesce(visit_source_concept_id, 0) FROM cdm.visit_occurrence WHERE concept_code IS NOT NULL
    UNION ALL
    SELECT vocabulary_id, concept_code, specimen_source_value, NULL, specimen_concept_id FROM cdm.specimen WHERE concept_code IS NOT NULL
    UNION ALL
    SELECT 'UCUM', unit_source_value, unit_source_value, unit_source_concept_id, unit_concept_id FROM cdm.measurement WHERE unit_source_value IS NOT NULL
    UNION ALL
    SELECT 'UCUM', unit_source_value, unit_source_value, NULL, unit_concept_id FROM cdm.observation WHERE unit_source_value IS NOT NULL
    UNION ALL
    SELECT 'UCUM', unit_source_value, unit_source_value, NULL, unit_concept_id FROM cdm.specimen WHERE unit_source_value IS NOT NULL
)
SELECT
    coalesce(coded.vocabulary_id, c.vocabulary_id, 'unknown')                    AS vocabulary_id,
    coalesce(coded.concept_code, c.concept_code, coded.source_value)             AS concept_code,
    count(*)                                                                     AS code_rows,
    count(*) FILTER (coalesce(coded.concept_id, 0) = 0)                          AS unmapped_rows
FROM coded
LEFT JOIN vocabulary.concept c ON c.concept_id = coded.source_concept_id AND c.concept_id <> 0
WHERE coalesce(coded.concept_code, c.concept_code, coded.source_value) IS NOT NULL
GROUP BY ALL;
