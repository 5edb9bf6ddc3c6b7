-- tries: to open the locks the old way
-- want: fails "configuration has been locked"
PRAGMA memory_limit = '100GB';
