-- Who gave care, without a name or number.
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
