-- Persons by concept, year, gender and age decile in that year. The last two are one
-- stratum of the tally until the end.
INSERT INTO profile.tally BY NAME
SELECT
    getvariable('base') + 4                                       AS analysis_id,
    s.concept_id                                                  AS stratum_1,
    s.year                                                        AS stratum_2,
    p.gender_concept_id || '/' || decile(s.year - p.year_of_birth) AS stratum_3,
    count(*)                                                      AS n
FROM (SELECT DISTINCT person_id, concept_id, month // 100 AS year FROM seen) s
JOIN cdm.person p USING (person_id)
WHERE s.year >= p.year_of_birth
GROUP BY ALL;
