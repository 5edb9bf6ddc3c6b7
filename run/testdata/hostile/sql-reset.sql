-- tries: to open the locks another way
-- want: fails "configuration has been locked"
RESET allowed_directories;
