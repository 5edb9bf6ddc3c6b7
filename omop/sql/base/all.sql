-- The touched rows are mapped: what all rows say.
DROP TABLE stage.link;
ALTER TABLE stage.new_link RENAME TO link;

INSERT INTO basis.missing FROM base.missing ANTI JOIN reach.person USING (person_id);

CREATE TABLE stage.all_coded AS
SELECT vocabulary_id, concept_code, CAST(sum(code_rows) AS BIGINT) AS code_rows, CAST(sum(unmapped_rows) AS BIGINT) AS unmapped_rows
FROM (
    SELECT vocabulary_id, concept_code, code_rows, unmapped_rows FROM base.code
    UNION ALL
    SELECT vocabulary_id, concept_code, -code_rows, -unmapped_rows FROM stage.coded_before
    UNION ALL
    SELECT vocabulary_id, concept_code, code_rows, unmapped_rows FROM stage.coded
)
GROUP BY ALL
HAVING sum(code_rows) > 0;
DROP TABLE stage.coded;
ALTER TABLE stage.all_coded RENAME TO coded;
