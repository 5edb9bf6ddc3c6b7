-- plausibleTemporalAfter, where the other date is the person's birth: rows whose
-- date lies before the first day that the birth date is known to be on or after, of
-- all rows.
SELECT
    count(*) FILTER (CAST(t.{field} AS DATE) < coalesce(CAST(p.birth_datetime AS DATE), make_date(p.year_of_birth, coalesce(p.month_of_birth, 1), coalesce(p.day_of_birth, 1)))) AS violated,
    count(*) AS denominator
FROM cdm.{table} t
JOIN cdm.person p ON p.person_id = t.person_id
