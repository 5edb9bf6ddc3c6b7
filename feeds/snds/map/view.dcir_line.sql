-- view.dcir_line: the lines of care of the DCIR, each with the reason why it is left out, if it is.
-- Source: er_ete_f, er_prs_f. ER_PRS_F and, by the nine columns of prs_key, ER_ETE_F.
-- Rule: what public hospitals report "for information" is in the PMSI already, and there it is complete: DPN_QLF or
--   PRS_DPN_QLP 71 (external visits and stays) and 72 (their daily charges); ETE_IND_TAA 1 (billed directly).
--   CPL_MAJ_TOP 2 and more: supplements; they carry money, and count no care.
-- Reference: collaborative documentation of the SNDS, "Actes et consultations externes", "Guide pratique du SNDS",
--   section 5.3.1.
WITH establishment AS ( -- one line may have several rows: it is public where one says so
    SELECT prs_key, bool_or(ete_ind_taa = 1) AS public_hospital, min(etb_exe_fin) AS finess
    FROM er_ete_f
    GROUP BY prs_key
)
SELECT
    p.person_id,
    p.prs_key,
    p.line,
    p.exe_soi_dtd                                        AS day,
    p.exe_soi_dtf                                        AS last_day,
    p.prs_nat_ref                                        AS nature,
    coalesce(p.pfs_exe_num, 'finess:' || e.finess)       AS provider,
    p.pfs_pre_num                                        AS prescriber,
    p.pre_pre_dtd                                        AS prescribed,
    p.pse_spe_cod                                        AS specialty,
    p.pse_act_nat                                        AS activity,
    CASE WHEN coalesce(p.cpl_maj_top, 0) < 2 THEN p.prs_act_qte ELSE 0 END AS quantity,
    p.prs_pai_mnt                                        AS charged,
    coalesce(p.bse_rem_mnt, 0) + coalesce(p.cpl_rem_mnt, 0) AS reimbursed,
    p.rgm_grg_cod                                        AS scheme,
    CASE
        WHEN p.dpn_qlf IN (71, 72) OR p.prs_dpn_qlp IN (71, 72) THEN 'for information only: the hospital''s own record is in the PMSI (DPN_QLF 71, 72)'
        WHEN e.public_hospital THEN 'billed directly by a public hospital: its own record is in the PMSI (ETE_IND_TAA 1)'
        WHEN p.exe_soi_dtd IS NULL THEN 'no date of care'
    END                                                  AS left_out
FROM er_prs_f p
LEFT JOIN establishment e USING (prs_key)
