-- measurement: measurements.
-- Source: measurement, part.
-- Rule: taken as it is. Numbers become keys that name the deposit, so that those of two deposits never meet; texts
--   are cut to the length that the CDM allows.
-- Reference: OMOP CDM 5.4, MEASUREMENT (https://ohdsi.github.io/CommonDataModel/cdm54.html#measurement)
SELECT
    deposit() || ':measurement:' || measurement_id           AS key,
    person_id,
    measurement_concept_id,
    measurement_date,
    measurement_datetime,
    left(measurement_time, 10)                               AS measurement_time,
    measurement_type_concept_id,
    operator_concept_id,
    value_as_number,
    value_as_concept_id,
    unit_concept_id,
    range_low,
    range_high,
    deposit() || ':provider:' || provider_id                 AS provider_key,
    CASE WHEN coalesce(visit_occurrence_id, whole) = whole
         THEN deposit() || ':visit_detail:' || visit_detail_id
         ELSE deposit() || ':visit_occurrence:' || visit_occurrence_id END AS visit_key,
    left(measurement_source_value, 50)                       AS measurement_source_value,
    measurement_source_concept_id,
    left(unit_source_value, 50)                              AS unit_source_value,
    unit_source_concept_id,
    left(value_source_value, 50)                             AS value_source_value,
    'measurement'                                            AS source_table,
    line                                                     AS source_line
FROM measurement
LEFT JOIN part USING (person_id, visit_detail_id)
