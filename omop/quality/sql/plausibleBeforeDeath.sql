-- Dates more than 60 days after the person's death, of all rows of persons who died
-- that have a date.
SELECT
    count(*) FILTER (CAST(t.{field} AS DATE) > d.death_date + 60) AS violated,
    count(t.{field}) AS denominator
FROM cdm.{table} t
JOIN cdm.death d ON d.person_id = t.person_id
