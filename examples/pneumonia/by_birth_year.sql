-- Too fine: many of these cells hold only a few persons, and the airlock says so.
SELECT year_of_birth, gender_concept_id, count(*) AS persons
FROM person
GROUP BY ALL
ORDER BY ALL;
