-- tries: to hand out more than was agreed
-- want: limit scratch space
SELECT * FROM range(10000000);
