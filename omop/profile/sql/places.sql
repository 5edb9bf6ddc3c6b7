-- 300 to 325, providers.
INSERT INTO profile.tally BY NAME
SELECT 300 AS analysis_id, NULL AS stratum_1, NULL AS stratum_2, count(*) AS n FROM cdm.provider
UNION ALL
SELECT 301, coalesce(specialty_concept_id, 0), NULL, count(*) FROM cdm.provider GROUP BY ALL
UNION ALL
SELECT 303, coalesce(p.specialty_concept_id, 0), v.visit_concept_id, count(*)
FROM cdm.provider p JOIN cdm.visit_occurrence v USING (provider_id) GROUP BY ALL
UNION ALL
SELECT 325, specialty_source_concept_id, NULL, count(*) FROM cdm.provider WHERE specialty_source_concept_id IS NOT NULL GROUP BY ALL;

-- 1100 to 1103, persons and care sites by the first three signs of the postcode, and by
-- state.
INSERT INTO profile.tally BY NAME
SELECT 1100 AS analysis_id, left(l.zip, 3) AS stratum_1, count(*) AS n FROM cdm.person JOIN cdm.location l USING (location_id) WHERE l.zip IS NOT NULL GROUP BY ALL
UNION ALL
SELECT 1101, l.state, count(*) FROM cdm.person JOIN cdm.location l USING (location_id) WHERE l.state IS NOT NULL GROUP BY ALL
UNION ALL
SELECT 1102, left(l.zip, 3), count(*) FROM cdm.care_site JOIN cdm.location l USING (location_id) WHERE l.zip IS NOT NULL GROUP BY ALL
UNION ALL
SELECT 1103, l.state, count(*) FROM cdm.care_site JOIN cdm.location l USING (location_id) WHERE l.state IS NOT NULL GROUP BY ALL;

-- 1200 to 1203, persons, visits and care sites by place of service; visits by where the
-- patient went.
INSERT INTO profile.tally BY NAME
SELECT 1200 AS analysis_id, coalesce(c.place_of_service_concept_id, 0) AS stratum_1, count(*) AS n FROM cdm.person p JOIN cdm.care_site c USING (care_site_id) GROUP BY ALL
UNION ALL
SELECT 1201, coalesce(c.place_of_service_concept_id, 0), count(*) FROM cdm.visit_occurrence v JOIN cdm.care_site c USING (care_site_id) GROUP BY ALL
UNION ALL
SELECT 1202, coalesce(place_of_service_concept_id, 0), count(*) FROM cdm.care_site GROUP BY ALL
UNION ALL
SELECT 1203, discharged_to_concept_id, count(*) FROM cdm.visit_occurrence WHERE discharged_to_concept_id IS NOT NULL GROUP BY ALL;
