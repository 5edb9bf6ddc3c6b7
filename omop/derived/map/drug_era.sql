-- drug_era: spans of time in which a person is taken to be exposed to an ingredient.
-- Source: drug_exposure, ingredient.
-- Rule: exposures to drugs that hold one ingredient are one era where each starts no later than 30 days (the
--   persistence window) after the last day that those before it reach. Drugs are not stockpiled: when the next
--   exposure starts, what is left of the one before is not taken later, so overlaps add no days. gap_days are the
--   days between first and last that no exposure covers, both ends of an exposure included. A drug whose ingredient
--   the vocabulary does not know makes no era.
-- Reference: OMOP CDM 5.4, DRUG_ERA (https://ohdsi.github.io/CommonDataModel/cdm54.html#drug_era), and its script
--   (https://ohdsi.github.io/CommonDataModel/sqlScripts.html#drug_eras)
WITH exposure AS (
    SELECT
        d.person_id,
        i.ingredient_concept_id,
        d.drug_exposure_start_date                                          AS first_day,
        greatest(d.drug_exposure_end_date, d.drug_exposure_start_date)      AS last_day
    FROM drug_exposure d
    JOIN ingredient i ON i.drug_concept_id = d.drug_concept_id
),
reached AS (
    SELECT *, max(last_day) OVER (
        PARTITION BY person_id, ingredient_concept_id ORDER BY first_day, last_day
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_until
    FROM exposure
),
numbered AS (
    SELECT *,
        sum(CASE WHEN first_day <= covered_until + 30 THEN 0 ELSE 1 END) OVER (
            PARTITION BY person_id, ingredient_concept_id ORDER BY first_day, last_day, covered_until NULLS FIRST ROWS UNBOUNDED PRECEDING) AS era,
        CASE WHEN first_day BETWEEN covered_until + 1 AND covered_until + 30 THEN first_day - covered_until - 1 ELSE 0 END AS gap
    FROM reached
)
SELECT
    person_id,
    ingredient_concept_id AS drug_concept_id,
    min(first_day)        AS drug_era_start_date,
    max(last_day)         AS drug_era_end_date,
    count(*)              AS drug_exposure_count,
    sum(gap)              AS gap_days
FROM numbered
GROUP BY person_id, ingredient_concept_id, era
