-- view.dcir_code: what a line of care was coded with in detail, one row per row of a detailed table.
-- Source: dcir_line, er_bio_f, er_cam_f, er_pha_f, er_tip_f, er_ucd_f. ER_PHA_F, ER_UCD_F, ER_CAM_F, ER_BIO_F,
--   ER_TIP_F, each with its line of care by prs_key.
-- Rule: codes in their full length (CIP 13 places; UCD 13, where 7 stand alone with six zeros before; NABM 4; LPP
--   7). An act has no quantity of its own: its line's counts. CCAM activity 4 is the anaesthesia of an act that is
--   there as activity 1; phases after the first (CAM_TRT_PHA > 1) are the same act too.
-- Reference: collaborative documentation of the SNDS, "Tables affinées"; CCAM, general provisions, I-5 and III.
WITH detail AS (
    SELECT prs_key, 'er_pha_f' AS source_table, line, 'Drug' AS domain_id, 'CIP13' AS vocabulary_id,
        CASE WHEN pha_prs_c13 > 0 THEN lpad(CAST(pha_prs_c13 AS VARCHAR), 13, '0') END AS concept_code,
        CAST(pha_act_qsn AS DOUBLE) AS own_quantity, CAST(NULL AS VARCHAR) AS repeated
    FROM er_pha_f
    UNION ALL
    SELECT prs_key, 'er_ucd_f', line, 'Drug', 'UCD13',
        CASE WHEN length(ltrim(ucd_ucd_cod, '0')) > 0 THEN lpad(ltrim(ucd_ucd_cod, '0'), CASE WHEN length(ltrim(ucd_ucd_cod, '0')) <= 7 THEN 7 ELSE 13 END, '0') END,
        CAST(ucd_dlv_nbr AS DOUBLE), NULL
    FROM er_ucd_f
    UNION ALL
    SELECT prs_key, 'er_cam_f', line, 'Procedure', 'CCAM', nullif(upper(trim(cam_prs_ide)), ''), NULL,
        CASE WHEN cam_act_cod = '4' THEN 'anaesthesia of an act that has its own row (activity 4)'
             WHEN cam_trt_pha > 1 THEN 'a later phase of an act that has its own row (CAM_TRT_PHA)' END
    FROM er_cam_f
    UNION ALL
    SELECT prs_key, 'er_bio_f', line, 'Measurement', 'NABM',
        CASE WHEN bio_prs_ide > 0 THEN lpad(CAST(bio_prs_ide AS VARCHAR), 4, '0') END, CAST(bio_act_qsn AS DOUBLE), NULL
    FROM er_bio_f
    UNION ALL
    SELECT prs_key, 'er_tip_f', line, 'Device', 'LPP',
        CASE WHEN tip_prs_ide > 0 THEN lpad(CAST(tip_prs_ide AS VARCHAR), 7, '0') END, CAST(tip_act_qsn AS DOUBLE), NULL
    FROM er_tip_f
)
SELECT
    p.person_id, p.day, p.provider, p.prescriber, p.prescribed,
    d.source_table, d.line, d.domain_id, d.vocabulary_id, d.concept_code,
    coalesce(d.own_quantity, p.quantity) AS quantity,
    CASE
        WHEN p.prs_key IS NULL THEN 'its line of care is not there, or is of nobody known'
        WHEN p.left_out IS NOT NULL THEN p.left_out
        WHEN d.concept_code IS NULL THEN 'no code'
        ELSE d.repeated
    END AS left_out
FROM detail d
LEFT JOIN dcir_line p USING (prs_key)
