-- person: one row a person (BEN_IDT_ANO), from the register.
-- Source: ir_ben_r.
-- Rule: of the rows under which a person was insured, the one that was last brought up to date (BEN_DTE_MAJ)
--   describes the person. A month of birth outside 1 to 12 is not known. The register has no day of birth. Sex: 1
--   male 8507, 2 female 8532.
-- Reference: schema-snds, IR_BEN_R; collaborative documentation of the SNDS, "Identifiants des bénéficiaires".
WITH ranked AS (
    SELECT *, row_number() OVER (PARTITION BY person_id ORDER BY ben_dte_maj DESC NULLS LAST, line DESC) AS place
    FROM ir_ben_r
),
numbers AS (
    SELECT person_id, list(line ORDER BY line) AS lines FROM ir_ben_r GROUP BY person_id
)
SELECT
    person_id,
    CASE ben_sex_cod WHEN 1 THEN 8507 WHEN 2 THEN 8532 ELSE 0 END AS gender_concept_id,
    CAST(ben_sex_cod AS VARCHAR)                                  AS gender_source_value,
    ben_nai_ann                                                   AS year_of_birth,
    CASE WHEN ben_nai_moi BETWEEN 1 AND 12 THEN ben_nai_moi END   AS month_of_birth,
    0                                                             AS race_concept_id,
    0                                                             AS ethnicity_concept_id,
    regexp_replace(ben_res_dpt, '^0(..)$', '\1')                  AS location_key,
    'ir_ben_r'                                                    AS source_table,
    line                                                          AS source_line,
    lines                                                         AS source_lines
FROM ranked
JOIN numbers USING (person_id)
WHERE place = 1
