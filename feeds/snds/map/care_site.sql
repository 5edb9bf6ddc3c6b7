-- care_site: hospitals of the PMSI, by their FINESS number.
-- Source: pmsi_external, pmsi_stay.
-- Rule: hospitals are named by stays and external visits that are mapped.
-- Reference: schema-snds, ETA_NUM of the PMSI.
WITH place AS (
    SELECT finess, source_table, line FROM pmsi_stay WHERE left_out IS NULL
    UNION ALL
    SELECT finess, 'mco_cstc', line FROM pmsi_external WHERE left_out IS NULL
)
SELECT
    finess       AS key,
    finess       AS care_site_source_value,
    source_table,
    min(line)    AS source_line,
    list(line ORDER BY line) AS source_lines
FROM place
WHERE finess IS NOT NULL
GROUP BY finess, source_table
