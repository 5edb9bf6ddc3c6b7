-- event.claims: diagnoses of a claim.
-- Source: claims.
-- Rule: each different diagnosis of a claim. A diagnosis field may hold what the encounter was for (an examination,
--   say): the code's domain puts it where it belongs.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, conventions
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    person_id,
    'Condition'   AS domain_id,
    'SNOMED'      AS vocabulary_id,
    unnest(list_sort(list_distinct([
        diagnosis1, diagnosis2, diagnosis3, diagnosis4,
        diagnosis5, diagnosis6, diagnosis7, diagnosis8
    ])))          AS concept_code,
    32810         AS type_concept_id, -- claim
    servicedate   AS start_datetime,
    providerid    AS provider_key,
    appointmentid AS visit_key,
    'claims'      AS source_table,
    line          AS source_line
FROM claims
