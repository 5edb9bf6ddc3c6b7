-- view.dcir_net: coded care after regularisation.
-- Source: dcir_code.
-- Rule: a payment that was wrong is taken back by a line of the same care with a negative quantity, and often paid
--   again by a third. Lines of one person, day, code, executing professional, prescriber and date of prescription
--   are one care; its quantity is their sum. Care of which nothing remains (sum ≤ 0) did not happen.
-- Reference: collaborative documentation of the SNDS, "Régularisations" (quantities and amounts are signed; sum
--   before you count).
SELECT
    person_id, day, provider, prescriber, prescribed, source_table, domain_id, vocabulary_id, concept_code,
    sum(quantity)         AS quantity,
    min(line)             AS line,
    list_sort(list(line)) AS lines
FROM dcir_code
WHERE left_out IS NULL
GROUP BY ALL
