-- drug_exposure: drugs.
-- Source: drug_exposure, part.
-- Rule: taken as it is. Numbers become keys that name the deposit, so that those of two deposits never meet; texts
--   are cut to the length that the CDM allows.
-- Reference: OMOP CDM 5.4, DRUG_EXPOSURE (https://ohdsi.github.io/CommonDataModel/cdm54.html#drug_exposure)
SELECT
    deposit() || ':drug_exposure:' || drug_exposure_id       AS key,
    person_id,
    drug_concept_id,
    drug_exposure_start_date,
    drug_exposure_start_datetime,
    drug_exposure_end_date,
    drug_exposure_end_datetime,
    verbatim_end_date,
    drug_type_concept_id,
    left(stop_reason, 20)                                    AS stop_reason,
    refills,
    quantity,
    days_supply,
    route_concept_id,
    left(lot_number, 50)                                     AS lot_number,
    deposit() || ':provider:' || provider_id                 AS provider_key,
    CASE WHEN coalesce(visit_occurrence_id, whole) = whole
         THEN deposit() || ':visit_detail:' || visit_detail_id
         ELSE deposit() || ':visit_occurrence:' || visit_occurrence_id END AS visit_key,
    left(drug_source_value, 50)                              AS drug_source_value,
    drug_source_concept_id,
    left(route_source_value, 50)                             AS route_source_value,
    left(dose_unit_source_value, 50)                         AS dose_unit_source_value,
    'drug_exposure'                                          AS source_table,
    line                                                     AS source_line
FROM drug_exposure
LEFT JOIN part USING (person_id, visit_detail_id)
