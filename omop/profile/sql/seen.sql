-- A line per person, concept and month of the event table at hand.
CREATE OR REPLACE TEMP TABLE seen AS
SELECT
    person_id,
    concept_id,
    month_of(date)  AS month,
    count(*)        AS records,
    min(date)       AS first_date,
    max(date)       AS last_date
FROM event
GROUP BY person_id, concept_id, month_of(date);

INSERT INTO profile.last_told
SELECT person_id, getvariable('of'), max(last_date) FROM seen GROUP BY person_id;
