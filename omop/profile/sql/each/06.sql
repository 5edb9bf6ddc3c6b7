-- Age in years at a person's first record of a concept, by concept and gender.
INSERT INTO profile.tally BY NAME
SELECT
    getvariable('base') + 6               AS analysis_id,
    f.concept_id                          AS stratum_1,
    p.gender_concept_id                   AS stratum_2,
    year(f.first_date) - p.year_of_birth  AS value,
    count(*)                              AS n
FROM (SELECT person_id, concept_id, min(first_date) AS first_date FROM seen GROUP BY person_id, concept_id) f
JOIN cdm.person p USING (person_id)
WHERE year(f.first_date) >= p.year_of_birth
GROUP BY ALL;
