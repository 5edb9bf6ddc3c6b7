-- The numbers of persons. In: placed(deposit, person, key, method), and person_key(inner, outer),
-- a row with the two padded keys of an HMAC. Out: link(deposit, person, person_id, key, method).
--
-- 60 bits of an HMAC-SHA-256 of the key (RFC 2104) are the person's number: positive,
-- the same next time, and showing neither an order nor a deposit to anybody.
CREATE TABLE link AS
SELECT deposit, person,
       ('0x' || sha256("outer" || unhex(sha256("inner" || encode(key))))[1:15])::BIGINT AS person_id,
       key, method
FROM placed, person_key;
