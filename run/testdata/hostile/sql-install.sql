-- tries: to fetch an extension
-- want: fails "statement 1"
INSTALL httpfs;
