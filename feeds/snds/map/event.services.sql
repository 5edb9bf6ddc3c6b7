-- event.services: services of the DCIR that have no code but their nature (PRS_NAT_REF): consultations (1111 is C),
--   nursing, physiotherapy, transports.
-- Source: dcir_service.
-- Rule: dcir_service; a service whose lines have a detailed code (drug, act, test, device) is an event by that
--   code. 32810: claim.
-- Reference: schema-snds, ER_PRS_F, PRS_NAT_REF.
SELECT
    person_id,
    'Procedure'                                AS domain_id,
    'SNDS_PRS_NAT'                             AS vocabulary_id,
    CAST(nature AS VARCHAR)                    AS concept_code,
    32810                                      AS type_concept_id,
    day                                        AS start_date,
    CASE WHEN quantity <= 9999 THEN quantity END AS quantity,
    person_id || '/' || day || '/' || provider AS visit_key,
    provider                                   AS provider_key,
    'er_prs_f'                                 AS source_table,
    line                                       AS source_line,
    list_sort(lines)                           AS source_lines
FROM dcir_service
WHERE quantity > 0 AND NOT detailed AND nature > 0
