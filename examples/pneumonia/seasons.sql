-- Persons with pneumonia, by season and age.
WITH episode AS (
    SELECT
        person_id,
        condition_start_date AS day,
        year(condition_start_date) - year_of_birth AS age
    FROM condition_occurrence
    JOIN person USING (person_id)
    WHERE condition_concept_id = 255848
)
SELECT
    CASE
        WHEN month(day) IN (12, 1, 2) THEN 'winter'
        WHEN month(day) IN (3, 4, 5) THEN 'spring'
        ELSE 'summer and autumn' -- apart, the summer has too few persons to leave the airlock
    END AS season,
    count(DISTINCT person_id) FILTER (age < 65) AS persons_under_65,
    count(DISTINCT person_id) FILTER (age >= 65) AS persons_65_and_over,
    count(DISTINCT person_id) AS persons
FROM episode
GROUP BY season
ORDER BY persons DESC;
