-- Dates before the person's birth, of all rows that have a date. Where only the
-- month or the year of birth is known, its first day counts.
SELECT
    count(*) FILTER (CAST(t.{field} AS DATE) < coalesce(CAST(p.birth_datetime AS DATE), make_date(p.year_of_birth, coalesce(p.month_of_birth, 1), coalesce(p.day_of_birth, 1)))) AS violated,
    count(t.{field}) AS denominator
FROM cdm.{table} t
JOIN cdm.person p ON p.person_id = t.person_id
