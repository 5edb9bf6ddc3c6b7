-- What was found of stays and persons, beside the truth. In: true_person(deposit, person,
-- true_person), true_stay(provider, stay, true_person, true_stay), kind_told(provider, stay,
-- entry, exit, diagnosis), and what the linkage left: unit, stay_pair, link.
CREATE TEMP TABLE kind AS
SELECT provider, stay, max(entry) = max(exit) AS day_case,
       coalesce(max(diagnosis) SIMILAR TO '(O|P|Z3[789]).*', false) AS maternity
FROM kind_told GROUP BY provider, stay;

CREATE TEMP TABLE known_unit AS
SELECT unit, provider AS deposit, side, true_stay, coalesce(day_case, false) AS day_case, coalesce(maternity, false) AS maternity
FROM unit JOIN true_stay USING (provider, stay) LEFT JOIN kind USING (provider, stay);

-- Stays of hospitals that the insurer has too, and whether that very one was joined.
CREATE TEMP TABLE true_pair AS
SELECT h.deposit, h.day_case, h.maternity, (h.unit, i.unit) IN (SELECT (a, b) FROM stay_pair) AS found
FROM known_unit h JOIN known_unit i USING (true_stay) WHERE h.side = 0 AND i.side > 0;

CREATE TEMP TABLE found_pair AS
SELECT h.deposit, h.day_case, h.maternity, h.true_stay = i.true_stay AS correct
FROM stay_pair JOIN known_unit h ON h.unit = a JOIN known_unit i ON i.unit = b;

-- Persons of a hospital whom the insurer knows: joined with that record of the insurer's?
CREATE TEMP TABLE person_found AS
WITH told AS (SELECT deposit, person_id, true_person FROM link JOIN true_person USING (deposit, person)),
insured AS (SELECT true_person, person_id FROM told WHERE deposit = 'insurer'),
others AS (SELECT person_id, min(true_person) AS least, max(true_person) AS most FROM told GROUP BY person_id)
SELECT t.deposit, t.person_id = i.person_id AS linked, o.least <> o.most AS mixed
FROM told t JOIN insured i USING (true_person) JOIN others o ON o.person_id = t.person_id
WHERE t.deposit <> 'insurer';
