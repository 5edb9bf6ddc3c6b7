-- death: deaths that the civil registry announced to the insurer.
-- Source: beneficiaries.
-- Rule: 32810: claim.
-- Reference: OMOP CDM 5.4, DEATH (https://ohdsi.github.io/CommonDataModel/cdm54.html#death)
SELECT
    person_id,
    death_date,
    32810           AS death_type_concept_id,
    'beneficiaries' AS source_table,
    line            AS source_line
FROM beneficiaries
WHERE death_date IS NOT NULL
