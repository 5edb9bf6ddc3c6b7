-- What became of the rows of the sources that are accounted for now (stage.accepted). A row
-- that nothing was made of is left for the first reason that holds; '' is its resource's own.
CREATE OR REPLACE TABLE stage.reached AS
SELECT deposit, source_table, line, target
FROM (SELECT deposit, source_table, line, target FROM stage.lineage UNION ALL FROM stage.global_lineage)
SEMI JOIN stage.accepted USING (deposit, source_table, line);

CREATE OR REPLACE TABLE stage.fate AS
WITH mapped AS (
    SELECT DISTINCT deposit, source_table, line, true AS mapped FROM stage.reached
),
unpaid AS (
    SELECT deposit, source_table, line, true AS unpaid FROM stage.unpaid
),
again AS ( -- a later deposit of the source has them
    $again
),
left_out AS (
    SELECT deposit, source_table, source_line AS line, min(reason) AS reason FROM stage.unmapped GROUP BY ALL
)
SELECT
    deposit,
    source_table,
    CASE
        WHEN mapped THEN 'mapped'
        WHEN NOT linked THEN $unlinked
        WHEN again THEN $later
        WHEN unpaid THEN $unpaid
        ELSE coalesce(reason, '')
    END      AS fate,
    count(*) AS lines
FROM stage.accepted
LEFT JOIN mapped USING (deposit, source_table, line)
LEFT JOIN unpaid USING (deposit, source_table, line)
LEFT JOIN again USING (deposit, source_table, line)
LEFT JOIN left_out USING (deposit, source_table, line)
GROUP BY ALL;
