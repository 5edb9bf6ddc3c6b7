-- Prescribers that no line of care shows.
SELECT
    prescriber_id           AS key,
    left(prescriber_id, 50) AS provider_source_value,
    'dispensations'         AS source_table,
    min(line)               AS source_line,
    list(line)              AS source_lines
FROM dispensations
WHERE prescriber_id IS NOT NULL
GROUP BY prescriber_id
