-- tries: the same through read_text
-- want: fails "Permission Error"
SELECT content FROM read_text('/proc/1/environ');
