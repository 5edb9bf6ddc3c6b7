-- view.part: the parts of visits that are there, each with its visit.
-- Source: visit_detail, visit_occurrence.
-- Rule: as visit_detail says; of several of one number, the first visit.
-- Reference: OMOP CDM 5.4, VISIT_DETAIL (https://ohdsi.github.io/CommonDataModel/cdm54.html#visit_detail)
SELECT d.person_id, d.visit_detail_id, min(d.visit_occurrence_id) AS whole
FROM visit_detail d
JOIN visit_occurrence v ON v.visit_occurrence_id = d.visit_occurrence_id AND v.person_id = d.person_id
GROUP BY d.person_id, d.visit_detail_id
