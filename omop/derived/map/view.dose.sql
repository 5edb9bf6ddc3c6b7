-- view.dose: the daily dose of each exposure, of each ingredient, where it is known.
-- Source: drug_exposure, drug_strength.
-- Rule: the dose is known where drug_strength knows the drug. Of what is released by the hour (denominator 8505: hour)
--   it is the strength times 24; else the strength times the quantity, shared among the days of supply, or among the
--   days from first to last where those are several. Without quantity or days no dose is known.
-- Reference: OHDSI, how doses are worked out (https://ohdsi.github.io/CommonDataModel/drug_dose.html)
WITH strength AS (
    SELECT
        drug_concept_id,
        ingredient_concept_id,
        coalesce(amount_value, numerator_value)                     AS strength,
        coalesce(amount_unit_concept_id, numerator_unit_concept_id) AS unit_concept_id,
        amount_value IS NULL AND denominator_unit_concept_id = 8505 AS hourly,
        row_number() OVER (PARTITION BY drug_concept_id, ingredient_concept_id ORDER BY box_size NULLS FIRST, amount_value, numerator_value) AS place
    FROM drug_strength
    WHERE invalid_reason IS NULL
),
exposure AS (
    SELECT
        d.drug_exposure_id,
        d.person_id,
        s.ingredient_concept_id,
        s.unit_concept_id,
        d.drug_exposure_start_date                                     AS first_day,
        greatest(d.drug_exposure_end_date, d.drug_exposure_start_date) AS last_day,
        round(CASE
            WHEN s.hourly THEN s.strength * 24
            WHEN d.days_supply > 0 THEN s.strength * d.quantity / d.days_supply
            WHEN d.drug_exposure_end_date > d.drug_exposure_start_date
                THEN s.strength * d.quantity / (d.drug_exposure_end_date - d.drug_exposure_start_date + 1)
        END, 6)                                                        AS dose
    FROM drug_exposure d
    JOIN strength s ON s.drug_concept_id = d.drug_concept_id AND s.place = 1
    WHERE s.unit_concept_id IS NOT NULL
)
SELECT * FROM exposure WHERE dose > 0
