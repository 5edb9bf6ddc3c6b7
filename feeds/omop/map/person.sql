-- person: one row a person.
-- Source: person.
-- Rule: the day of birth stays with the provider. Numbers become keys that name the deposit, so that those of two
--   deposits never meet; texts are cut to the length that the CDM allows.
-- Reference: OMOP CDM 5.4, PERSON (https://ohdsi.github.io/CommonDataModel/cdm54.html#person)
SELECT
    person_id,
    gender_concept_id,
    year_of_birth,
    month_of_birth,
    race_concept_id,
    ethnicity_concept_id,
    deposit() || ':location:' || location_id   AS location_key,
    deposit() || ':provider:' || provider_id   AS provider_key,
    deposit() || ':care_site:' || care_site_id AS care_site_key,
    left(gender_source_value, 50)              AS gender_source_value,
    gender_source_concept_id,
    left(race_source_value, 50)                AS race_source_value,
    race_source_concept_id,
    left(ethnicity_source_value, 50)           AS ethnicity_source_value,
    ethnicity_source_concept_id,
    'person'                                   AS source_table,
    line                                       AS source_line
FROM person
