-- view.dcir_visit: what one professional (or establishment) did for a person on one day.
-- Source: dcir_service.
-- Rule: a visit took place where at least one of its services remains after regularisation; its money is that of
--   all its lines, supplements and regularisations included. Concepts: 581458 pharmacy visit (PSE_ACT_NAT 50, 51),
--   32036 laboratory visit (30 to 39), 9202 outpatient visit.
-- Reference: as dcir_net; schema-snds, PSE_ACT_NAT.
SELECT
    person_id,
    day,
    provider,
    person_id || '/' || day || '/' || provider AS key,
    CASE WHEN max(activity) IN (50, 51) THEN 581458 WHEN max(activity) BETWEEN 30 AND 39 THEN 32036 ELSE 9202 END AS visit_concept_id,
    max(specialty)                             AS specialty,
    CAST(max(activity) AS VARCHAR)             AS activity,
    max(quantity)                              AS remains,
    sum(charged)                               AS charged,
    sum(reimbursed)                            AS reimbursed,
    min(line)                                  AS line,
    list_sort(flatten(list(lines)))            AS lines
FROM dcir_service
GROUP BY person_id, day, provider
