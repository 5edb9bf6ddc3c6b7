-- Records by month.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 20 AS analysis_id, month AS stratum_1, sum(records) AS n
FROM seen GROUP BY month;
