-- condition_era: spans of time in which a person is taken to have a condition.
-- Source: condition_occurrence.
-- Rule: occurrences of one concept are one era where each starts no later than 30 days (the persistence window) after
--   the last day that those before it reach. An occurrence without an end lasts until the day after its start, as in
--   OHDSI's script. Occurrences of concept 0 make no era: what has no concept need not be one condition.
-- Reference: OMOP CDM 5.4, CONDITION_ERA (https://ohdsi.github.io/CommonDataModel/cdm54.html#condition_era), and its
--   script (https://ohdsi.github.io/CommonDataModel/sqlScripts.html#condition_eras)
WITH occurrence AS (
    SELECT
        person_id,
        condition_concept_id,
        condition_start_date                                                                      AS first_day,
        greatest(coalesce(condition_end_date, condition_start_date + 1), condition_start_date)    AS last_day
    FROM condition_occurrence
    WHERE condition_concept_id <> 0
),
reached AS (
    SELECT *, max(last_day) OVER (
        PARTITION BY person_id, condition_concept_id ORDER BY first_day, last_day
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_until
    FROM occurrence
),
numbered AS (
    SELECT *, sum(CASE WHEN first_day <= covered_until + 30 THEN 0 ELSE 1 END) OVER (
        PARTITION BY person_id, condition_concept_id ORDER BY first_day, last_day, covered_until NULLS FIRST ROWS UNBOUNDED PRECEDING) AS era
    FROM reached
)
SELECT
    person_id,
    condition_concept_id,
    min(first_day) AS condition_era_start_date,
    max(last_day)  AS condition_era_end_date,
    count(*)       AS condition_occurrence_count
FROM numbered
GROUP BY person_id, condition_concept_id, era
