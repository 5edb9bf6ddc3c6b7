-- How several deposits' descriptions of one person agree. Deposits that are one source
-- describe a person once.
WITH told AS (
    SELECT person_id, count(DISTINCT deposit) AS deposits
    FROM ($lines)
    GROUP BY person_id
),
described AS (
    SELECT
        person_id,
        count(DISTINCT nullif(gender_concept_id, 0)) AS sexes,
        count(DISTINCT year_of_birth) AS years
    FROM stage.person
    GROUP BY person_id
)
SELECT
    (SELECT count(*) FROM cdm.person),
    count(*) FILTER (deposits > 1),
    count(*) FILTER (deposits > 1 AND sexes > 1),
    count(*) FILTER (deposits > 1 AND years > 1),
    (SELECT count(*) FROM cdm.person ANTI JOIN cdm.observation_period USING (person_id))
FROM described
JOIN told USING (person_id);
