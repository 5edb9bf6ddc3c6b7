-- death.register: the day of death as the register has it.
-- Source: ir_ben_r.
-- Rule: 1 January 1600 (month 160001) says that nobody reported a death; where only the month is known, its first
--   day. 32848: government report.
-- Reference: schema-snds, IR_BEN_R, BEN_DCD_DTE and BEN_DCD_AME.
WITH reported AS (
    SELECT *, coalesce(
        CASE WHEN year(ben_dcd_dte) > 1900 THEN ben_dcd_dte END,
        CASE WHEN ben_dcd_ame BETWEEN '190001' AND '209912' THEN CAST(try_strptime(ben_dcd_ame, '%Y%m') AS DATE) END) AS day
    FROM ir_ben_r
)
SELECT
    person_id,
    max_by(day, coalesce(ben_dte_maj, DATE '1600-01-01')) AS death_date,
    32848                                                 AS death_type_concept_id,
    'ir_ben_r'                                            AS source_table,
    min(line)                                             AS source_line,
    list(line ORDER BY line)                              AS source_lines
FROM reported
WHERE day IS NOT NULL
GROUP BY person_id
