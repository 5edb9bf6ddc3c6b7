-- What a release keeps, besides its tables, for the next that goes on from it. Links, and
-- codes with their rows, follow.
CREATE SCHEMA basis;

-- Keys that name no place or provider, by the person whose rows give them: they may
-- come to name one.
CREATE TABLE basis.missing (person_id BIGINT, "table" VARCHAR, key VARCHAR);
