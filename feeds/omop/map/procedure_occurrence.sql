-- procedure_occurrence: procedures.
-- Source: part, procedure_occurrence.
-- Rule: taken as it is. Numbers become keys that name the deposit, so that those of two deposits never meet; texts
--   are cut to the length that the CDM allows.
-- Reference: OMOP CDM 5.4, PROCEDURE_OCCURRENCE
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#procedure_occurrence)
SELECT
    deposit() || ':procedure_occurrence:' || procedure_occurrence_id AS key,
    person_id,
    procedure_concept_id,
    procedure_date,
    procedure_datetime,
    procedure_end_date,
    procedure_end_datetime,
    procedure_type_concept_id,
    modifier_concept_id,
    quantity,
    deposit() || ':provider:' || provider_id                 AS provider_key,
    CASE WHEN coalesce(visit_occurrence_id, whole) = whole
         THEN deposit() || ':visit_detail:' || visit_detail_id
         ELSE deposit() || ':visit_occurrence:' || visit_occurrence_id END AS visit_key,
    left(procedure_source_value, 50)                         AS procedure_source_value,
    procedure_source_concept_id,
    left(modifier_source_value, 50)                          AS modifier_source_value,
    'procedure_occurrence'                                   AS source_table,
    line                                                     AS source_line
FROM procedure_occurrence
LEFT JOIN part USING (person_id, visit_detail_id)
