-- 715 to 717, days of supply, refills and quantity by drug.
INSERT INTO profile.tally BY NAME
SELECT 715 AS analysis_id, drug_concept_id AS stratum_1, days_supply AS value, count(*) AS n
FROM cdm.drug_exposure
WHERE days_supply IS NOT NULL AND person_id BETWEEN getvariable('first_person') AND getvariable('last_person')
GROUP BY ALL
UNION ALL
SELECT 716, drug_concept_id, refills, count(*)
FROM cdm.drug_exposure
WHERE refills IS NOT NULL AND person_id BETWEEN getvariable('first_person') AND getvariable('last_person')
GROUP BY ALL
UNION ALL
SELECT 717, drug_concept_id, quantity, count(*)
FROM cdm.drug_exposure
WHERE quantity IS NOT NULL AND person_id BETWEEN getvariable('first_person') AND getvariable('last_person')
GROUP BY ALL;
