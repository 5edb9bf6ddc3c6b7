-- location: departments are as near as health data comes to an address.
-- Source: ir_ben_r.
-- Rule: BEN_RES_DPT has three places; in Metropolitan France the first is 0 (075 is Paris).
-- Reference: schema-snds, IR_BEN_R, BEN_RES_DPT.
WITH residence AS (
    SELECT regexp_replace(ben_res_dpt, '^0(..)$', '\1') AS department, line FROM ir_ben_r WHERE ben_res_dpt IS NOT NULL
)
SELECT
    department          AS key,
    department          AS county,
    'FR-' || department AS location_source_value,
    'ir_ben_r'          AS source_table,
    min(line)           AS source_line,
    list(line)          AS source_lines
FROM residence
GROUP BY department
