-- tries: to leave an allowed directory
-- want: fails "Permission Error"
SELECT * FROM read_blob('/data/../etc/passwd');
