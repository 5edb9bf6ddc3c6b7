-- tries: to take all memory
-- want: fails "Out of Memory" or limit memory
CREATE TABLE t AS SELECT i, hash(i) AS h, repeat('x', 100) || i AS s FROM range(100000000) t(i);
