-- provider: who gave care.
-- Source: provider.
-- Rule: who gave care, without a name or number. Numbers become keys that name the deposit, so that those of two
--   deposits never meet; texts are cut to the length that the CDM allows.
-- Reference: OMOP CDM 5.4, PROVIDER (https://ohdsi.github.io/CommonDataModel/cdm54.html#provider)
SELECT
    deposit() || ':provider:' || provider_id   AS key,
    specialty_concept_id,
    deposit() || ':care_site:' || care_site_id AS care_site_key,
    year_of_birth,
    gender_concept_id,
    left(specialty_source_value, 50)           AS specialty_source_value,
    specialty_source_concept_id,
    left(gender_source_value, 50)              AS gender_source_value,
    gender_source_concept_id,
    'provider'                                 AS source_table,
    line                                       AS source_line
FROM provider
