-- tries: to export the database elsewhere
-- want: fails "Permission Error"
EXPORT DATABASE '/tmp/export';
