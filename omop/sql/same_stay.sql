-- The same stay, told by a hospital and by an insurer (the PMSI) under keys that do
-- not meet: one person's stays in bed or in an emergency room (9201 inpatient, 262
-- emergency room and inpatient, 9203 emergency room) that have the same first and last
-- day, where each side tells of one alone. The hospital's key becomes that of both.
CREATE OR REPLACE TABLE stage.same_stay AS
WITH told AS (
    SELECT v.person_id, v.key, d.kind, min(v.visit_start_date) AS first_day, max(v.visit_end_date) AS last_day
    FROM stage.visit_occurrence v
    JOIN stage.deposit d ON d.ordinal = v.deposit
    WHERE v.visit_concept_id IN (262, 9201, 9203)
    GROUP BY v.person_id, v.key, d.kind
),
alone AS (
    SELECT person_id, kind, first_day, last_day, any_value(key) AS key
    FROM told
    WHERE key NOT IN (SELECT key FROM told GROUP BY person_id, key HAVING count(*) > 1) -- both have it already
    GROUP BY person_id, kind, first_day, last_day
    HAVING count(*) = 1
)
SELECT insurer.person_id, insurer.key, hospital.key AS same_as
FROM alone insurer
JOIN alone hospital USING (person_id, first_day, last_day)
WHERE insurer.kind = 'insurer' AND hospital.kind = 'hospital';
