-- Rows, persons, and rows with a value.
SELECT count(*), count(DISTINCT {person}), count({value})
FROM {from}
