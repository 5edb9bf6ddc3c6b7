-- tries: to attach a database file
-- want: fails "Permission Error"
ATTACH '/tmp/other.db';
