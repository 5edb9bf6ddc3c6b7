SELECT
    person_id,
    death_date,
    death_datetime,
    death_type_concept_id,
    cause_concept_id,
    left(cause_source_value, 50) AS cause_source_value,
    cause_source_concept_id,
    'death'                      AS source_table,
    line                         AS source_line
FROM death
