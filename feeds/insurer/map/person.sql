-- person: one row a beneficiary.
-- Source: beneficiaries.
-- Rule: the birth date arrives as the first day of its month.
-- Reference: OMOP CDM 5.4, PERSON (https://ohdsi.github.io/CommonDataModel/cdm54.html#person)
SELECT
    person_id,
    CASE sex WHEN 'M' THEN 8507 WHEN 'F' THEN 8532 ELSE 0 END AS gender_concept_id,
    sex                                                       AS gender_source_value,
    year(birth_date)                                          AS year_of_birth,
    month(birth_date)                                         AS month_of_birth,
    0                                                         AS race_concept_id,
    0                                                         AS ethnicity_concept_id,
    department                                                AS location_key,
    'beneficiaries'                                           AS source_table,
    line                                                      AS source_line
FROM beneficiaries
