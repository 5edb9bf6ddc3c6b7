-- view.dispensed: prescriptions, each with the dispensation that followed it.
-- Source: drug_exposure, ingredient.
-- Rule: a dispensation (32825 EHR dispensing record, 32869 pharmacy claim) that names its prescription (32838 EHR
--   prescription) is linked to it. The others are linked one to one, the nearest pair first, where person and drug are
--   the same and the drug was dispensed on the day of the prescription or up to 90 days later. Drugs are the same where
--   they hold the same ingredients; where the vocabulary knows none, where they are one concept; where they have no
--   concept, one code. A drug that was given in a hospital is neither. A renewal that names nothing is linked to nothing.
-- Reference: Code de la santé publique, R. 5132-22 (a prescription is presented within three months); each row stays, as
--   OHDSI's conventions ask (https://github.com/OHDSI/CommonDataModel/issues/649)
WITH drug AS (
    SELECT drug_concept_id, CAST(list(ingredient_concept_id ORDER BY ingredient_concept_id) AS VARCHAR) AS ingredients
    FROM ingredient
    GROUP BY drug_concept_id
),
told AS (
    SELECT
        d.drug_exposure_id, d.person_id, d.key, d.prescription_key,
        d.drug_exposure_start_date      AS day,
        d.drug_type_concept_id <> 32838 AS dispensed,
        CASE WHEN d.drug_concept_id = 0 THEN d.vocabulary_id || '/' || d.concept_code
             ELSE coalesce(drug.ingredients, CAST(d.drug_concept_id AS VARCHAR)) END AS substance
    FROM drug_exposure d
    LEFT JOIN drug ON drug.drug_concept_id = d.drug_concept_id
    WHERE d.drug_type_concept_id IN (32838, 32825, 32869)
),
named AS (
    SELECT d.drug_exposure_id AS dispensed, arg_min(p.drug_exposure_id, (coalesce(p.substance <> d.substance, true), p.drug_exposure_id)) AS prescribed
    FROM told d
    JOIN told p ON p.person_id = d.person_id AND p.key = d.prescription_key AND NOT p.dispensed
    WHERE d.dispensed
    GROUP BY d.drug_exposure_id
),
-- Of a drug's prescriptions and dispensations in the order of their days, those that the nearest pair first makes
-- one are the brackets that close each other: a dispensation closes the latest prescription that is still open.
open AS (
    SELECT
        *,
        sum(CASE WHEN dispensed THEN -1 ELSE 1 END) OVER (PARTITION BY person_id, substance ORDER BY day, dispensed, drug_exposure_id ROWS UNBOUNDED PRECEDING)
            + CAST(dispensed AS INTEGER) AS depth
    FROM told
    WHERE substance IS NOT NULL
      AND drug_exposure_id NOT IN (SELECT dispensed FROM named UNION ALL SELECT prescribed FROM named)
),
closed AS (
    SELECT
        *,
        lag(CASE WHEN NOT dispensed THEN drug_exposure_id END) OVER bracket AS prescribed,
        lag(day) OVER bracket                                               AS prescribed_on
    FROM open
    WINDOW bracket AS (PARTITION BY person_id, substance, depth ORDER BY day, dispensed, drug_exposure_id)
)
SELECT prescribed, dispensed FROM named
UNION ALL
SELECT prescribed, drug_exposure_id FROM closed WHERE dispensed AND prescribed IS NOT NULL AND day <= prescribed_on + 90
