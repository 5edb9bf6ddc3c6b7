-- view.pmsi_external: external visits to hospitals that report to the PMSI-MCO.
-- Source: mco_cstc. T_MCOaaCSTC: person and dates; its key with the bills, services and acts is year, ETA_NUM and
--   SEQ_NUM.
-- Rule: the day is EXE_SOI_DTD, else ENT_DAT.
-- Reference: collaborative documentation of the SNDS, "Actes et consultations externes".
SELECT
    person_id,
    stay_key,
    eta_num                                                                     AS finess,
    coalesce(exe_soi_dtd, ent_dat)                                              AS first_day,
    greatest(coalesce(exe_soi_dtd, ent_dat), coalesce(exe_soi_dtf, sor_dat))    AS last_day,
    CASE WHEN coalesce(exe_soi_dtd, ent_dat) IS NULL THEN 'no date of the visit' END AS left_out,
    line
FROM mco_cstc
