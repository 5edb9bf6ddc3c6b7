-- Whom a provider speaks of. In, after resolve.sql: record, link, pair; asked(person, a,
-- b, c, provisional), one row with the tokens of one person; and asked_of(deposit), the
-- provider's own deposits: of whom it has not deposited it cannot speak.
--
-- The identifier decides. Where the provider gives none, or has deposited the person
-- without one, the exact traits do, if they name one person alone.
WITH asked_person AS (
    SELECT coalesce(pair.stands_for, asked.a) AS a, b FROM asked LEFT JOIN pair ON pair.a = asked.a
),
known AS (
    SELECT record.a, record.b, person_id
    FROM record JOIN link USING (deposit, person) JOIN asked_of USING (deposit)
),
by_identifier AS (
    SELECT DISTINCT person_id FROM known JOIN asked_person USING (a)
),
by_identity AS (
    SELECT DISTINCT person_id FROM known JOIN asked_person USING (b)
    WHERE asked_person.a IS NULL OR known.a IS NULL
)
SELECT person_id FROM by_identifier
UNION ALL
SELECT person_id FROM by_identity
WHERE NOT EXISTS (FROM by_identifier) AND (SELECT count(*) FROM by_identity) = 1
