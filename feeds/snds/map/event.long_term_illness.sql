-- event.long_term_illness: long-term illnesses that exempt from co-payment (ALD), by the CIM-10 code of the medical
--   service.
-- Source: ir_imb_r.
-- Rule: IMB_ETM_NAT 41 (on the list of 30), 43 (off the list), 45 (several). The illness was recognised on the
--   first day; the end is that of the right, so the condition is not given an end. An illness of which several rows
--   tell, of renewed rights or of several deposits, is one. 32810: claim.
-- Reference: collaborative documentation of the SNDS, "Bénéficiaires du dispositif ALD".
SELECT
    person_id,
    'Condition'                                                                AS domain_id,
    'ICD10'                                                                    AS vocabulary_id,
    left(regexp_replace(upper(trim(med_mtf_cod)), '^(...)(.+)$', '\1.\2'), 6)  AS concept_code,
    min(med_mtf_cod)                                                           AS source_value,
    32810                                                                      AS type_concept_id,
    imb_ald_dtd                                                                AS start_date,
    'ir_imb_r'                                                                 AS source_table,
    min(line)                                                                  AS source_line,
    list_sort(list(line))                                                      AS source_lines
FROM ir_imb_r
WHERE imb_etm_nat IN (41, 43, 45) AND imb_ald_dtd IS NOT NULL AND regexp_matches(upper(trim(med_mtf_cod)), '^[A-Z][0-9]{2}')
GROUP BY ALL
