-- Whom the deposits touch that the base has not. First: whose links have changed, and
-- whose rows name a place or a provider that has come.
CREATE SCHEMA reach;

CREATE TABLE reach.link AS
SELECT deposit, person, person_id FROM stage.link
UNION
SELECT deposit, person, person_id FROM base.link;

CREATE TABLE reach.place AS
SELECT 'location' AS "table", location_id AS id, key FROM cdm.location
UNION ALL
SELECT 'care_site', care_site_id, key FROM cdm.care_site
UNION ALL
SELECT 'provider', provider_id, key FROM cdm.provider;

CREATE TABLE reach.person AS
SELECT person_id FROM ((SELECT deposit, person, person_id FROM stage.link) EXCEPT (SELECT deposit, person, person_id FROM base.link))
UNION
SELECT person_id FROM ((SELECT deposit, person, person_id FROM base.link) EXCEPT (SELECT deposit, person, person_id FROM stage.link))
UNION
SELECT m.person_id FROM base.missing m SEMI JOIN reach.place USING ("table", key);

-- Places and providers that the base has and that are there no more.
CREATE TABLE reach.gone AS
SELECT "table", id FROM base.place ANTI JOIN reach.place USING ("table", key);

-- The lines of the base's deposits behind rows about nobody that were not behind them, or are
-- no more.
CREATE TABLE reach.changed AS
WITH before AS (
    SELECT $deposits[deposit + 1] AS deposit, resource AS source_table, unnest(list_append(coalesce(lines, []), line)) AS line, "table" AS target
    FROM base.lineage
    WHERE "table" IN ('location', 'care_site', 'provider', 'fact_relationship')
),
after AS (
    SELECT $names[deposit + 1] AS deposit, source_table, line, target
    FROM stage.global_lineage
    WHERE list_contains($deposits, $names[deposit + 1])
)
SELECT DISTINCT deposit, source_table, line
FROM (
    (FROM before EXCEPT FROM after)
    UNION ALL
    (FROM after EXCEPT FROM before)
);

-- The keys by which rows are taken; those of one space meet.
CREATE TABLE reach.key (space UBIGINT, key UHUGEINT);

-- The matching numbers of the base's deposits whose rows are taken.
CREATE TABLE reach.number AS SELECT deposit, person FROM reach.link LIMIT 0;
