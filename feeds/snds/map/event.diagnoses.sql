-- event.diagnoses: diagnoses of hospital stays (CIM-10), from the first to the last day of the stay.
-- Source: pmsi_diagnosis, source_concepts.
-- Rule: as pmsi_diagnosis says. 32902 primary, 32908 secondary diagnosis; 32810: claim. The French CIM-10 has codes that
--   are longer than those of ICD-10: where the vocabulary lacks the long one, its first four characters are mapped.
--   The code as it came is the source value.
-- Reference: as pmsi_diagnosis.
WITH spelled AS (
    SELECT *, CASE WHEN length(code) > 3 THEN left(code, 3) || '.' || substr(code, 4) ELSE code END AS dotted
    FROM pmsi_diagnosis
    WHERE left_out IS NULL
)
SELECT
    d.person_id,
    'Condition'                                     AS domain_id,
    'ICD10'                                         AS vocabulary_id,
    coalesce(known.concept_code, left(d.dotted, 5)) AS concept_code,
    d.code                                          AS source_value,
    32810                                           AS type_concept_id,
    CASE d.rank WHEN 1 THEN 32902 ELSE 32908 END    AS condition_status_concept_id,
    d.first_day                                     AS start_date,
    d.last_day                                      AS end_date,
    d.stay_key                                      AS visit_key,
    d.source_table,
    d.line                                          AS source_line
FROM spelled d
LEFT JOIN source_concepts known ON known.vocabulary_id = 'ICD10' AND known.concept_code = d.dotted
