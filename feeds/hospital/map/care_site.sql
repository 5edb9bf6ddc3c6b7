-- One care site a ward.
SELECT
    finess || '/' || ward               AS key,
    any_value(hospital) || ', ' || ward AS care_site_name,
    left(finess || '/' || ward, 50)     AS care_site_source_value,
    ward                                AS place_of_service_source_value,
    'stays'                             AS source_table,
    min(line)                           AS source_line,
    list(line)                          AS source_lines
FROM stays
GROUP BY finess, ward
