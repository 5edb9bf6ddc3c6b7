-- death.hospital: stays that ended with death (SOR_MOD 9), for persons whose death the register does not know yet.
-- Source: pmsi_stay.
-- Rule: 32810: claim.
-- Reference: Guide méthodologique de production des informations du PMSI en MCO, chapter I (mode de sortie).
SELECT
    person_id,
    last_day     AS death_date,
    32810        AS death_type_concept_id,
    source_table,
    line         AS source_line
FROM pmsi_stay
WHERE sor_mod = '9' AND left_out IS NULL
