-- unmapped.dcir: lines of the DCIR that reach no table, and why.
-- Source: dcir_code, dcir_line, dcir_net, dcir_visit, ir_imb_r, ki_cci_r, ki_ecd_r.
-- Rule: a reason counts only where nothing was made of the row.
-- Reference: as dcir_line, dcir_code and dcir_net.
WITH taken_back AS (
    SELECT 'er_prs_f' AS source_table, p.line
    FROM dcir_line p
    SEMI JOIN (SELECT person_id, day, provider FROM dcir_visit WHERE coalesce(remains, 0) <= 0) v
        ON v.person_id = p.person_id AND v.day = p.day AND v.provider = p.provider
    WHERE p.left_out IS NULL
    UNION ALL
    SELECT source_table, unnest(lines) FROM dcir_net WHERE coalesce(quantity, 0) <= 0
)
SELECT 'er_prs_f' AS source_table, line AS source_line, left_out AS reason FROM dcir_line WHERE left_out IS NOT NULL
UNION ALL
SELECT 'er_prs_f', line, 'nobody is named who did it: a benefit in cash or a flat payment' FROM dcir_line WHERE left_out IS NULL AND provider IS NULL
UNION ALL
SELECT source_table, line, left_out FROM dcir_code WHERE left_out IS NOT NULL
UNION ALL
SELECT source_table, line, 'taken back: nothing remains of its care after regularisation' FROM taken_back
UNION ALL
SELECT 'ir_imb_r', line, 'not a dated long-term illness with its code' FROM ir_imb_r
UNION ALL
SELECT 'ki_cci_r', line, 'no day of death' FROM ki_cci_r
UNION ALL
SELECT 'ki_ecd_r', line, 'no day of death, or no code of a cause' FROM ki_ecd_r
