-- event.causes: every cause on a death certificate (CIM-10), on the day of death.
-- Source: ki_ecd_r.
-- Rule: a cause of which several deposits tell is one. 32815: death certificate.
-- Reference: schema-snds, KI_ECD_R; the initial cause is that of the table death.
SELECT
    person_id,
    'Condition'                                                         AS domain_id,
    'ICD10'                                                             AS vocabulary_id,
    regexp_replace(upper(trim(ecd_cim_cod)), '^(...)(.+)$', '\1.\2')    AS concept_code,
    min(ecd_cim_cod)                                                    AS source_value,
    32815                                                               AS type_concept_id,
    ben_dcd_dte                                                         AS start_date,
    'ki_ecd_r'                                                          AS source_table,
    min(line)                                                           AS source_line,
    list_sort(list(line))                                               AS source_lines
FROM ki_ecd_r
WHERE year(ben_dcd_dte) > 1900 AND regexp_matches(upper(trim(ecd_cim_cod)), '^[A-Z][0-9]{2}')
GROUP BY ALL
