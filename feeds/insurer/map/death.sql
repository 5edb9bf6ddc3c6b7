-- Deaths that the civil registry announced to the insurer. 32810: claim.
SELECT
    person_id,
    death_date,
    32810           AS death_type_concept_id,
    'beneficiaries' AS source_table,
    line            AS source_line
FROM beneficiaries
WHERE death_date IS NOT NULL
