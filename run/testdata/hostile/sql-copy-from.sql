-- tries: COPY from a file of the host
-- want: fails "Permission Error"
CREATE TABLE t (line VARCHAR);
COPY t FROM '/etc/passwd';
