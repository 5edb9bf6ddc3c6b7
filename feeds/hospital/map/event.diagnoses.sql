-- event.diagnoses: diagnoses of stays.
-- Source: diagnoses, stays.
-- Rule: diagnoses hold for the stay. 32817: EHR; 32902 primary, 32908 secondary diagnosis.
-- Reference: OMOP CDM 5.4, conventions (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    d.person_id,
    'Condition'                                            AS domain_id,
    'ICD10'                                                AS vocabulary_id,
    d.code                                                 AS concept_code,
    32817                                                  AS type_concept_id,
    CASE d.rank WHEN 'principal' THEN 32902 ELSE 32908 END AS condition_status_concept_id,
    d.date                                                 AS start_date,
    greatest(d.date, CAST(s.exit AS DATE))                 AS end_date,
    d.stay_id                                              AS visit_key,
    s.practitioner_id                                      AS provider_key,
    'diagnoses'                                            AS source_table,
    d.line                                                 AS source_line
FROM diagnoses d
LEFT JOIN stays s USING (stay_id)
