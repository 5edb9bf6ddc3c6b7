-- visit_occurrence.care: outpatient visits.
-- Source: care.
-- Rule: one outpatient visit a person, day and professional. 9202: outpatient visit; 32810: claim.
-- Reference: OMOP CDM 5.4, VISIT_OCCURRENCE (https://ohdsi.github.io/CommonDataModel/cdm54.html#visit_occurrence)
SELECT
    person_id,
    person_id || '/' || date || '/' || coalesce(professional_id, '') AS key,
    9202                                                             AS visit_concept_id,
    date                                                             AS visit_start_date,
    date                                                             AS visit_end_date,
    32810                                                            AS visit_type_concept_id,
    min(act)                                                         AS visit_source_value,
    professional_id                                                  AS provider_key,
    'care'                                                           AS source_table,
    min(line)                                                        AS source_line,
    list(line)                                                       AS source_lines
FROM care
GROUP BY person_id, date, professional_id
