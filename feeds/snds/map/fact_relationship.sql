-- fact_relationship: mother and child.
-- Source: mco_b, mco_c, pmsi_stay.
-- Rule: a stay for a birth and the mother's stay bear one number (NIR_ANO_MAM). The child is who was at most 28 days old
--   when it came, the mother a woman of 10 to 60 years. Both ways: 4248584 mother, 4285883 child; 1147314: a person.
-- Reference: schema-snds, T_MCOaaC, NIR_ANO_MAM; collaborative documentation of the SNDS, "Chaînage mère-enfant"; OMOP
--   CDM 5.4, FACT_RELATIONSHIP (https://ohdsi.github.io/CommonDataModel/cdm54.html#fact_relationship)
WITH chained AS (
    SELECT s.person_id, c.nir_ano_mam, b.age_ann, b.age_jou, b.cod_sex, b.line
    FROM mco_c c
    JOIN mco_b b ON b.stay_key = c.stay_key
    JOIN pmsi_stay s ON s.stay_key = c.stay_key AND s.field = 'mco'
    WHERE c.nir_ano_mam IS NOT NULL AND s.left_out IS NULL
),
child AS (
    SELECT person_id, nir_ano_mam, line FROM chained WHERE age_jou <= 28 AND coalesce(age_ann, 0) = 0
),
mother AS (
    SELECT person_id, nir_ano_mam, line FROM chained WHERE age_ann BETWEEN 10 AND 60 AND cod_sex = '2'
),
pair AS (
    SELECT m.person_id AS mother, c.person_id AS child, min(c.line) AS line, list_distinct(list_concat(list(c.line), list(m.line))) AS lines
    FROM child c
    JOIN mother m USING (nir_ano_mam)
    WHERE m.person_id <> c.person_id
    GROUP BY m.person_id, c.person_id
)
SELECT 1147314 AS domain_concept_id_1, mother AS fact_id_1, 1147314 AS domain_concept_id_2, child AS fact_id_2,
    4248584 AS relationship_concept_id, 'mco_b' AS source_table, line AS source_line, lines AS source_lines
FROM pair
UNION ALL
SELECT 1147314 AS domain_concept_id_1, child AS fact_id_1, 1147314 AS domain_concept_id_2, mother AS fact_id_2,
    4285883 AS relationship_concept_id, 'mco_b', line, lines
FROM pair
