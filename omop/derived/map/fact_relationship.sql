-- fact_relationship: a prescription and the dispensation that followed it.
-- Source: dispensed.
-- Rule: as view.dispensed says. Both exposures stay, each with its own type. Both ways: 45905793 a prescription is
--   followed by its dispensation, 45905792 a dispensation follows its prescription; 1147339: an exposure to a drug.
-- Reference: OMOP CDM 5.4, FACT_RELATIONSHIP (https://ohdsi.github.io/CommonDataModel/cdm54.html#fact_relationship)
SELECT 1147339 AS domain_concept_id_1, prescribed AS fact_id_1, 1147339 AS domain_concept_id_2, dispensed AS fact_id_2, 45905793 AS relationship_concept_id
FROM dispensed
UNION ALL
SELECT 1147339, dispensed, 1147339, prescribed, 45905792
FROM dispensed
