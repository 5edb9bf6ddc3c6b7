-- view.dcir_service: lines of care by nature of the service, after regularisation; and whether anything of it has a
--   detailed code.
-- Source: dcir_line, er_bio_f, er_cam_f, er_pha_f, er_tip_f, er_ucd_f.
-- Rule: as dcir_net, with the nature of the service (PRS_NAT_REF) in the place of the code; supplements count 0.
-- Reference: as dcir_net.
WITH detailed AS (
    SELECT prs_key FROM er_pha_f UNION SELECT prs_key FROM er_ucd_f UNION SELECT prs_key FROM er_cam_f
    UNION SELECT prs_key FROM er_bio_f UNION SELECT prs_key FROM er_tip_f
)
SELECT
    p.person_id, p.day, p.provider, p.prescriber, p.prescribed, p.nature,
    sum(p.quantity)                                       AS quantity,
    sum(CAST(p.charged AS DECIMAL(18, 2)))                AS charged,
    sum(CAST(p.reimbursed AS DECIMAL(18, 2)))             AS reimbursed,
    min_by(p.specialty, p.line)                           AS specialty,
    min_by(p.activity, p.line)                            AS activity,
    bool_or(d.prs_key IS NOT NULL)                        AS detailed,
    min(p.line)                                           AS line,
    list(p.line)                                          AS lines
FROM dcir_line p
LEFT JOIN detailed d USING (prs_key)
WHERE p.left_out IS NULL AND p.provider IS NOT NULL
GROUP BY p.person_id, p.day, p.provider, p.prescriber, p.prescribed, p.nature
