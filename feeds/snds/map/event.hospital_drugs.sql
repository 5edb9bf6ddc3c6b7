-- event.hospital_drugs: expensive drugs given in a stay, which hospitals bill apart (UCD).
-- Source: mco_med, pmsi_stay.
-- Rule: the day is the first day of the stay plus the delay, where it lies in the stay. 32810: claim.
-- Reference: schema-snds, T_MCOaaMED.
SELECT
    s.person_id,
    'Drug'          AS domain_id,
    'UCD13'         AS vocabulary_id,
    lpad(ltrim(coalesce(m.ucd_ucd_cod, m.ucd_cod), '0'), CASE WHEN length(ltrim(coalesce(m.ucd_ucd_cod, m.ucd_cod), '0')) <= 7 THEN 7 ELSE 13 END, '0') AS concept_code,
    32810           AS type_concept_id,
    CASE WHEN m.delai BETWEEN 0 AND date_diff('day', s.first_day, s.last_day) THEN s.first_day + CAST(m.delai AS INTEGER) ELSE s.first_day END AS start_date,
    m.adm_nbr       AS quantity,
    m.stay_key      AS visit_key,
    'mco_med'       AS source_table,
    m.line          AS source_line
FROM mco_med m
JOIN pmsi_stay s ON s.stay_key = m.stay_key AND s.field = 'mco'
WHERE s.left_out IS NULL AND coalesce(m.ucd_ucd_cod, m.ucd_cod) IS NOT NULL AND coalesce(m.adm_nbr, 1) > 0
