-- event.acts: acts done in hospitals (CCAM, CSARR).
-- Source: pmsi_act.
-- Rule: pmsi_act. A number of times that is none (0, or above 9999) is not known. 32810: claim.
-- Reference: as pmsi_act.
SELECT
    person_id,
    'Procedure'             AS domain_id,
    vocabulary_id,
    code                    AS concept_code,
    32810                   AS type_concept_id,
    day                     AS start_date,
    CASE WHEN coalesce(times, 1) BETWEEN 1 AND 9999 THEN round(coalesce(times, 1)) END AS quantity,
    stay_key                AS visit_key,
    source_table,
    line                    AS source_line
FROM pmsi_act
WHERE left_out IS NULL
