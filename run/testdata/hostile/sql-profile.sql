-- tries: to have DuckDB write a query profile elsewhere
-- want: fails "configuration has been locked"
SET profiling_output = '/tmp/profile.json';
