-- tries: to read the environment
-- want: fails "statement 1"
SELECT getenv('HOME');
