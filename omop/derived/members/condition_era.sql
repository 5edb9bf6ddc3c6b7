-- The occurrences that an era was made of. Reads condition_era, condition_occurrence.
SELECT 'condition_occurrence' AS "table", o.condition_occurrence_id AS id
FROM condition_era e
JOIN condition_occurrence o
    ON o.person_id = e.person_id
   AND o.condition_concept_id = e.condition_concept_id
   AND o.condition_start_date BETWEEN e.condition_era_start_date AND e.condition_era_end_date
WHERE e.condition_era_id = ?
ORDER BY id
