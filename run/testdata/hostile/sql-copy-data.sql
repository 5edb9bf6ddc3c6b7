-- tries: to change its inputs
-- want: fails "statement 1"
COPY (SELECT 1) TO '/data/in.txt';
