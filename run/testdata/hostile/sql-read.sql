-- tries: to read files of the host and of the sandbox as text
-- want: fails "Permission Error"
SELECT * FROM read_csv('/etc/passwd');
