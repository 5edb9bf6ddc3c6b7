-- observation: observations.
-- Source: observation, part.
-- Rule: taken as it is. Numbers become keys that name the deposit, so that those of two deposits never meet; texts
--   are cut to the length that the CDM allows.
-- Reference: OMOP CDM 5.4, OBSERVATION (https://ohdsi.github.io/CommonDataModel/cdm54.html#observation)
SELECT
    deposit() || ':observation:' || observation_id           AS key,
    person_id,
    observation_concept_id,
    observation_date,
    observation_datetime,
    observation_type_concept_id,
    value_as_number,
    left(value_as_string, 60)                                AS value_as_string,
    value_as_concept_id,
    qualifier_concept_id,
    unit_concept_id,
    deposit() || ':provider:' || provider_id                 AS provider_key,
    CASE WHEN coalesce(visit_occurrence_id, whole) = whole
         THEN deposit() || ':visit_detail:' || visit_detail_id
         ELSE deposit() || ':visit_occurrence:' || visit_occurrence_id END AS visit_key,
    left(observation_source_value, 50)                       AS observation_source_value,
    observation_source_concept_id,
    left(unit_source_value, 50)                              AS unit_source_value,
    left(qualifier_source_value, 50)                         AS qualifier_source_value,
    left(value_source_value, 50)                             AS value_source_value,
    'observation'                                            AS source_table,
    line                                                     AS source_line
FROM observation
LEFT JOIN part USING (person_id, visit_detail_id)
