-- Persons with two observation periods that overlap or follow each other without
-- a day between, of all who have one. Where any two of a person's do, two that
-- start one after the other do.
SELECT
    count(*) FILTER (t.touches) AS violated,
    count(*) AS denominator
FROM (
    SELECT person_id, bool_or(observation_period_start_date <= covered + 1) AS touches
    FROM (
        SELECT
            person_id,
            observation_period_start_date,
            max(observation_period_end_date) OVER (
                PARTITION BY person_id
                ORDER BY observation_period_start_date, observation_period_end_date, observation_period_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS covered
        FROM cdm.{table}
    )
    GROUP BY person_id
) t
