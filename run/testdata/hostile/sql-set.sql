-- tries: to open the locks
-- want: fails "configuration has been locked"
SET enable_external_access = true;
