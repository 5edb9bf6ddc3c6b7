-- The domain of the standard concept decides the table; a domain that has no
-- table of events goes to observation, which takes any. A code without a
-- standard concept keeps the domain that the mapping gives.
CREATE TABLE stage.routed AS
SELECT
    e.* EXCLUDE (start_date, start_datetime, end_date, end_datetime, source_value),
    coalesce(e.start_date, CAST(e.start_datetime AS DATE))      AS start_date,
    coalesce(e.start_datetime, CAST(e.start_date AS TIMESTAMP)) AS start_datetime,
    coalesce(e.end_date, CAST(e.end_datetime AS DATE))          AS end_date,
    coalesce(e.end_datetime, CAST(e.end_date AS TIMESTAMP))     AS end_datetime,
    coalesce(e.source_value, e.concept_code)                    AS source_value,
    coalesce(standard.concept_id, 0)                            AS concept_id,
    coalesce(known.source_concept_id, 0)                        AS source_concept_id,
    CASE coalesce(standard.domain_id, e.domain_id)
        WHEN 'Condition' THEN 'condition_occurrence'
        WHEN 'Drug' THEN 'drug_exposure'
        WHEN 'Procedure' THEN 'procedure_occurrence'
        WHEN 'Device' THEN 'device_exposure'
        WHEN 'Measurement' THEN 'measurement'
        ELSE 'observation'
    END                                                         AS target,
    CASE WHEN e.unit_code IS NOT NULL THEN coalesce(unit.concept_id, 0) END   AS unit_concept_id,
    CASE WHEN e.value_code IS NOT NULL THEN coalesce(value.concept_id, 0) END AS value_as_concept_id
FROM stage.event e
LEFT JOIN vocabulary.source_concepts known USING (vocabulary_id, concept_code)
LEFT JOIN vocabulary.concepts standard USING (vocabulary_id, concept_code)
LEFT JOIN vocabulary.single_concept unit ON unit.vocabulary_id = 'UCUM' AND unit.concept_code = e.unit_code
LEFT JOIN vocabulary.single_concept value
    ON value.vocabulary_id = e.value_vocabulary_id AND value.concept_code = e.value_code;

INSERT INTO stage.condition_occurrence BY NAME
SELECT
    person_id,
    concept_id        AS condition_concept_id,
    start_date        AS condition_start_date,
    start_datetime    AS condition_start_datetime,
    end_date          AS condition_end_date,
    end_datetime      AS condition_end_datetime,
    type_concept_id   AS condition_type_concept_id,
    condition_status_concept_id,
    stop_reason,
    source_value      AS condition_source_value,
    source_concept_id AS condition_source_concept_id,
    visit_key, provider_key, key, vocabulary_id, concept_code, deposit, mapping, source_table, source_line, source_lines
FROM stage.routed
WHERE target = 'condition_occurrence';

-- The CDM requires an end: the last day supplied, else the day of the start.
INSERT INTO stage.drug_exposure BY NAME
SELECT
    person_id,
    concept_id        AS drug_concept_id,
    start_date        AS drug_exposure_start_date,
    start_datetime    AS drug_exposure_start_datetime,
    coalesce(end_date, start_date + (greatest(days_supply, 1) - 1), start_date) AS drug_exposure_end_date,
    end_datetime      AS drug_exposure_end_datetime,
    end_date          AS verbatim_end_date,
    type_concept_id   AS drug_type_concept_id,
    stop_reason,
    refills,
    quantity,
    days_supply,
    source_value      AS drug_source_value,
    source_concept_id AS drug_source_concept_id,
    unit_code         AS dose_unit_source_value,
    prescription_key,
    visit_key, provider_key, key, vocabulary_id, concept_code, deposit, mapping, source_table, source_line, source_lines
FROM stage.routed
WHERE target = 'drug_exposure';

INSERT INTO stage.procedure_occurrence BY NAME
SELECT
    person_id,
    concept_id        AS procedure_concept_id,
    start_date        AS procedure_date,
    start_datetime    AS procedure_datetime,
    end_date          AS procedure_end_date,
    end_datetime      AS procedure_end_datetime,
    type_concept_id   AS procedure_type_concept_id,
    quantity,
    source_value      AS procedure_source_value,
    source_concept_id AS procedure_source_concept_id,
    visit_key, provider_key, key, vocabulary_id, concept_code, deposit, mapping, source_table, source_line, source_lines
FROM stage.routed
WHERE target = 'procedure_occurrence';

INSERT INTO stage.device_exposure BY NAME
SELECT
    person_id,
    concept_id        AS device_concept_id,
    start_date        AS device_exposure_start_date,
    start_datetime    AS device_exposure_start_datetime,
    end_date          AS device_exposure_end_date,
    end_datetime      AS device_exposure_end_datetime,
    type_concept_id   AS device_type_concept_id,
    unique_device_id,
    quantity,
    source_value      AS device_source_value,
    source_concept_id AS device_source_concept_id,
    unit_concept_id,
    unit_code         AS unit_source_value,
    visit_key, provider_key, key, vocabulary_id, concept_code, deposit, mapping, source_table, source_line, source_lines
FROM stage.routed
WHERE target = 'device_exposure';

INSERT INTO stage.measurement BY NAME
SELECT
    person_id,
    concept_id        AS measurement_concept_id,
    start_date        AS measurement_date,
    start_datetime    AS measurement_datetime,
    type_concept_id   AS measurement_type_concept_id,
    operator_concept_id,
    value_as_number,
    value_as_concept_id,
    unit_concept_id,
    range_low,
    range_high,
    source_value      AS measurement_source_value,
    source_concept_id AS measurement_source_concept_id,
    unit_code         AS unit_source_value,
    coalesce(value_as_string, value_code) AS value_source_value,
    specimen_key, visit_key, provider_key, key, vocabulary_id, concept_code, deposit, mapping, source_table, source_line, source_lines
FROM stage.routed
WHERE target = 'measurement';

INSERT INTO stage.observation BY NAME
SELECT
    person_id,
    concept_id        AS observation_concept_id,
    start_date        AS observation_date,
    start_datetime    AS observation_datetime,
    type_concept_id   AS observation_type_concept_id,
    value_as_number,
    value_as_string,
    value_as_concept_id,
    unit_concept_id,
    qualifier_source_value,
    source_value      AS observation_source_value,
    source_concept_id AS observation_source_concept_id,
    unit_code         AS unit_source_value,
    coalesce(value_as_string, value_code) AS value_source_value,
    visit_key, provider_key, key, vocabulary_id, concept_code, deposit, mapping, source_table, source_line, source_lines
FROM stage.routed
WHERE target = 'observation';

DROP TABLE stage.routed;
DROP TABLE stage.event;
