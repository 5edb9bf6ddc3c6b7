-- dose_era: spans of time in which a person is taken to be exposed to a constant daily dose of an ingredient.
-- Source: dose.
-- Rule: exposures to one dose, unit and ingredient are one era where each starts no later than 30 days (the
--   persistence window) after the last day that those before it reach. Two doses at once are two eras.
-- Reference: OMOP CDM 5.4, DOSE_ERA (https://ohdsi.github.io/CommonDataModel/cdm54.html#dose_era)
WITH reached AS (
    SELECT *, max(last_day) OVER (
        PARTITION BY person_id, ingredient_concept_id, unit_concept_id, dose ORDER BY first_day, last_day
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_until
    FROM dose
),
numbered AS (
    SELECT *, sum(CASE WHEN first_day <= covered_until + 30 THEN 0 ELSE 1 END) OVER (
        PARTITION BY person_id, ingredient_concept_id, unit_concept_id, dose ORDER BY first_day, last_day, covered_until NULLS FIRST
        ROWS UNBOUNDED PRECEDING) AS era
    FROM reached
)
SELECT
    person_id,
    ingredient_concept_id AS drug_concept_id,
    unit_concept_id,
    dose                  AS dose_value,
    min(first_day)        AS dose_era_start_date,
    max(last_day)         AS dose_era_end_date
FROM numbered
GROUP BY person_id, ingredient_concept_id, unit_concept_id, dose, era
