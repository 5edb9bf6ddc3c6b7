-- tries: to list the file system
-- want: fails "Permission Error"
SELECT * FROM glob('/**');
