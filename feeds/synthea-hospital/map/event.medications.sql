-- event.medications: prescriptions.
-- Source: medications.
-- Rule: one row a prescription. The export counts dispenses and says nothing of the pack: the number of dispenses
--   is the quantity.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, conventions
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    person_id,
    'Drug'        AS domain_id,
    'RxNorm'      AS vocabulary_id,
    code          AS concept_code,
    32838         AS type_concept_id, -- EHR prescription
    start         AS start_datetime,
    stop          AS end_datetime,
    dispenses     AS quantity,
    encounter     AS visit_key,
    deposit() || ':medications:' || line AS key,
    'medications' AS source_table,
    line          AS source_line
FROM medications
