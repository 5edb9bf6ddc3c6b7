-- event.codes: coded care of the DCIR: drugs (CIP, UCD), acts (CCAM), tests (NABM), devices (LPP).
-- Source: dcir_net.
-- Rule: as dcir_net says: lines that take each other back are netted; what has nothing left is no event. Types: 32869
--   pharmacy claim, 32810 claim. The DCIR knows that a test was done, never its result.
-- Reference: as dcir_code and dcir_net.
SELECT
    person_id,
    domain_id,
    vocabulary_id,
    concept_code,
    CASE source_table WHEN 'er_pha_f' THEN 32869 ELSE 32810 END AS type_concept_id,
    day                                                         AS start_date,
    CASE WHEN domain_id = 'Drug' OR quantity <= 9999 THEN quantity END AS quantity,
    person_id || '/' || day || '/' || provider                  AS visit_key,
    coalesce(prescriber, provider)                              AS provider_key,
    source_table,
    line                                                        AS source_line,
    lines                                                       AS source_lines
FROM dcir_net
WHERE quantity > 0
