-- tries: to hand out more than was agreed
-- want: fails "statement 1"
SELECT * FROM range(10000000);
