-- tries: to write outside outputs/
-- want: fails "Permission Error"
COPY (SELECT 1) TO '/tmp/out.csv';
