-- The touched rows as they are now.
ALTER TABLE stage.coded RENAME TO coded_before;

DROP TABLE stage.link;
CREATE TABLE stage.link AS FROM stage.new_link SEMI JOIN reach.person USING (person_id);

DROP TABLE stage.global_lineage;
ALTER TABLE stage.new_global_lineage RENAME TO global_lineage;

DROP TABLE cdm.location;
ALTER TABLE cdm.new_location RENAME TO location;
DROP TABLE cdm.care_site;
ALTER TABLE cdm.new_care_site RENAME TO care_site;
DROP TABLE cdm.provider;
ALTER TABLE cdm.new_provider RENAME TO provider;
DROP TABLE cdm.fact_relationship;
ALTER TABLE cdm.new_fact_relationship RENAME TO fact_relationship;

DELETE FROM stage.shared_lineage;
DELETE FROM stage.shared_unpaid;
DELETE FROM stage.shared_unmapped;
