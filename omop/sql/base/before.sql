-- The touched rows as the base saw them: its links, its places and providers, and what was
-- made of the rows that is about nobody.
ALTER TABLE stage.link RENAME TO new_link;
CREATE TABLE stage.link AS FROM base.link SEMI JOIN reach.number USING (deposit, person);

ALTER TABLE stage.global_lineage RENAME TO new_global_lineage;
CREATE TABLE stage.global_lineage AS
SELECT DISTINCT CAST(deposit AS INTEGER) AS deposit, resource AS source_table, unnest(list_append(coalesce(lines, []), line)) AS line, "table" AS target
FROM base.lineage
WHERE "table" IN ('location', 'care_site', 'provider', 'fact_relationship');

ALTER TABLE cdm.location RENAME TO new_location;
CREATE TABLE cdm.location AS FROM cdm.new_location LIMIT 0;
INSERT INTO cdm.location BY NAME SELECT id AS location_id, key FROM base.place WHERE "table" = 'location';

ALTER TABLE cdm.care_site RENAME TO new_care_site;
CREATE TABLE cdm.care_site AS FROM cdm.new_care_site LIMIT 0;
INSERT INTO cdm.care_site BY NAME SELECT id AS care_site_id, key FROM base.place WHERE "table" = 'care_site';

ALTER TABLE cdm.provider RENAME TO new_provider;
CREATE TABLE cdm.provider AS FROM cdm.new_provider LIMIT 0;
INSERT INTO cdm.provider BY NAME SELECT id AS provider_id, key FROM base.place WHERE "table" = 'provider';

ALTER TABLE cdm.fact_relationship RENAME TO new_fact_relationship;
CREATE TABLE cdm.fact_relationship AS FROM cdm.new_fact_relationship LIMIT 0;
