-- Tallies of parts of the persons become one.
CREATE OR REPLACE TABLE profile.tally AS
SELECT analysis_id, stratum_1, stratum_2, stratum_3, value, sum(n)::BIGINT AS n
FROM profile.tally
WHERE n > 0
GROUP BY ALL;
