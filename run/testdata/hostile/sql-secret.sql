-- tries: to keep a secret on disk
-- want: fails "statement 1"
CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x');
