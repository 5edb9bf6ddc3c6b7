-- The concepts that stand for domains, which every vocabulary has under these numbers.
INSERT INTO vocabulary.known_concept BY NAME
SELECT
    domain_concept_id  AS concept_id,
    domain_name        AS concept_name,
    'Metadata'         AS domain_id,
    'Domain'           AS vocabulary_id,
    'Domain'           AS concept_class_id,
    'OMOP generated'   AS concept_code,
    DATE '1970-01-01'  AS valid_start_date,
    DATE '2099-12-31'  AS valid_end_date
FROM vocabulary.known_domain;
