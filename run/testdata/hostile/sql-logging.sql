-- tries: to have DuckDB write its log into a file of its choice
-- want: ok  (it may, in its own /tmp, which ends with the sandbox)
CALL enable_logging(storage = 'file', storage_path = '/tmp/log.csv');
