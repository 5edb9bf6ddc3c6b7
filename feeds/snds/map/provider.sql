-- provider: who did care in town, and who prescribed it, by the hashed number; establishments by their FINESS
--   number.
-- Source: dcir_line.
-- Rule: the specialty is that of the executing professional.
-- Reference: schema-snds, ER_PRS_F, PFS_EXE_NUM and PFS_PRE_NUM; ER_ETE_F, ETB_EXE_FIN.
WITH named AS (
    SELECT provider AS key, specialty, line FROM dcir_line WHERE left_out IS NULL AND provider IS NOT NULL
    UNION ALL
    SELECT prescriber, NULL, line FROM dcir_line WHERE left_out IS NULL AND prescriber IS NOT NULL
)
SELECT
    key,
    CAST(min_by(specialty, line) AS VARCHAR) AS specialty_source_value,
    left(key, 50)                            AS provider_source_value,
    'er_prs_f'                               AS source_table,
    min(line)                                AS source_line
FROM named
GROUP BY key
