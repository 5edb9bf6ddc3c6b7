-- event.care: technical acts outside hospitals.
-- Source: care.
-- Rule: technical acts outside hospitals; a consultation (G, CS) is a visit only. 32810: claim.
-- Reference: OMOP CDM 5.4, conventions (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    person_id,
    'Procedure'                                                      AS domain_id,
    'CCAM'                                                           AS vocabulary_id,
    act                                                              AS concept_code,
    32810                                                            AS type_concept_id,
    date                                                             AS start_date,
    line_id                                                          AS key,
    person_id || '/' || date || '/' || coalesce(professional_id, '') AS visit_key,
    professional_id                                                  AS provider_key,
    'care'                                                           AS source_table,
    line                                                             AS source_line
FROM care
WHERE length(act) = 7
