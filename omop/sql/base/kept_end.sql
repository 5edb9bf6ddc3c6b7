-- When the tables are finished: places and providers by their keys, and what codes the
-- rows came from.
CREATE TABLE basis.place AS
SELECT 'location' AS "table", location_id AS id, key FROM cdm.location
UNION ALL
SELECT 'care_site', care_site_id, key FROM cdm.care_site
UNION ALL
SELECT 'provider', provider_id, key FROM cdm.provider;

CREATE TABLE basis.code AS FROM stage.coded;
