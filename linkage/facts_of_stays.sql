-- The stays with what is known of their persons. What a row says of the stay itself
-- goes before what one says of the person.
SELECT s.person, s.stay, coalesce(s.finess, place_fact.finess, ''), coalesce(entry, ''), coalesce(exit, ''), coalesce(diagnosis, ''),
       coalesce(s.commune, p.commune, ''), coalesce(s.sex, p.sex, ''), coalesce(s.birth_date, p.birth_date, ''),
       coalesce(s.birth_year, p.birth_year, ''), coalesce(s.birth_month, p.birth_month, '')
FROM stay_fact s LEFT JOIN person_fact p USING (person) LEFT JOIN place_fact ON place_fact.place = s.place
WHERE s.person <> 0
ORDER BY s.stay
