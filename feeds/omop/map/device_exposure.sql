-- device_exposure: devices.
-- Source: device_exposure, part.
-- Rule: taken as it is. Numbers become keys that name the deposit, so that those of two deposits never meet; texts
--   are cut to the length that the CDM allows.
-- Reference: OMOP CDM 5.4, DEVICE_EXPOSURE (https://ohdsi.github.io/CommonDataModel/cdm54.html#device_exposure)
SELECT
    deposit() || ':device_exposure:' || device_exposure_id   AS key,
    person_id,
    device_concept_id,
    device_exposure_start_date,
    device_exposure_start_datetime,
    device_exposure_end_date,
    device_exposure_end_datetime,
    device_type_concept_id,
    quantity,
    deposit() || ':provider:' || provider_id                 AS provider_key,
    CASE WHEN coalesce(visit_occurrence_id, whole) = whole
         THEN deposit() || ':visit_detail:' || visit_detail_id
         ELSE deposit() || ':visit_occurrence:' || visit_occurrence_id END AS visit_key,
    left(device_source_value, 50)                            AS device_source_value,
    device_source_concept_id,
    unit_concept_id,
    left(unit_source_value, 50)                              AS unit_source_value,
    unit_source_concept_id,
    'device_exposure'                                        AS source_table,
    line                                                     AS source_line
FROM device_exposure
LEFT JOIN part USING (person_id, visit_detail_id)
