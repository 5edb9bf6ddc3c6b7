-- death.certificate: the certificate, with the initial cause (CIM-10).
-- Source: ki_cci_r, single_concept, source_concepts.
-- Rule: the register is believed for the day, the certificate for the cause: one row a person remains, and gaps are
--   filled. 32815: death certificate.
-- Reference: schema-snds, KI_CCI_R.
WITH certificate AS (
    SELECT
        *,
        CASE WHEN year(ben_dcd_dte) > 1900 THEN ben_dcd_dte
             WHEN ben_dcd_ame BETWEEN '190001' AND '209912' THEN CAST(try_strptime(ben_dcd_ame, '%Y%m') AS DATE) END AS day,
        regexp_replace(upper(trim(dcd_cim_cod)), '^(...)(.+)$', '\1.\2') AS code
    FROM ki_cci_r
)
SELECT
    c.person_id,
    c.day                   AS death_date,
    32815                   AS death_type_concept_id,
    cause.concept_id        AS cause_concept_id,
    c.dcd_cim_cod           AS cause_source_value,
    known.source_concept_id AS cause_source_concept_id,
    'ki_cci_r'              AS source_table,
    c.line                  AS source_line
FROM certificate c
LEFT JOIN single_concept cause ON cause.vocabulary_id = 'ICD10' AND cause.concept_code = c.code
LEFT JOIN source_concepts known ON known.vocabulary_id = 'ICD10' AND known.concept_code = c.code
WHERE c.day IS NOT NULL
