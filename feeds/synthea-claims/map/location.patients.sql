-- Where a patient lives, no closer than the county.
SELECT
    county || ', ' || state           AS key,
    left(county, 20)                  AS county,
    left(county || ', ' || state, 50) AS location_source_value,
    'patients'                        AS source_table,
    min(line)                         AS source_line,
    list(line ORDER BY line)          AS source_lines
FROM patients
WHERE county IS NOT NULL AND state IS NOT NULL
GROUP BY county, state
