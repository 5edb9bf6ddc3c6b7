-- One row a person: the first deposit that describes the person. A birth date is
-- taken whole from one deposit; a known sex, race or ethnicity is preferred to
-- an unknown one (concept 0); other gaps are filled from the next deposit.
CREATE TABLE ready.person AS
WITH ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY person_id ORDER BY deposit, source_table, source_line) AS rank,
        CASE WHEN year_of_birth IS NOT NULL
             THEN row(year_of_birth, month_of_birth, day_of_birth, birth_datetime) END AS birth,
        CASE WHEN gender_concept_id <> 0
             THEN row(gender_concept_id, gender_source_value, gender_source_concept_id) END AS gender,
        CASE WHEN race_concept_id <> 0
             THEN row(race_concept_id, race_source_value, race_source_concept_id) END AS race,
        CASE WHEN ethnicity_concept_id <> 0
             THEN row(ethnicity_concept_id, ethnicity_source_value, ethnicity_source_concept_id) END AS ethnicity
    FROM stage.person
),
one AS (
    SELECT person_id, arg_min(COLUMNS(* EXCLUDE (person_id, rank)), rank) AS "\0"
    FROM ranked
    GROUP BY person_id
)
SELECT
    * EXCLUDE (birth, gender, race, ethnicity)
    REPLACE (
        birth[1] AS year_of_birth,
        birth[2] AS month_of_birth,
        birth[3] AS day_of_birth,
        birth[4] AS birth_datetime,
        coalesce(gender[1], gender_concept_id) AS gender_concept_id,
        coalesce(gender[2], gender_source_value) AS gender_source_value,
        coalesce(gender[3], gender_source_concept_id) AS gender_source_concept_id,
        coalesce(race[1], race_concept_id) AS race_concept_id,
        coalesce(race[2], race_source_value) AS race_source_value,
        coalesce(race[3], race_source_concept_id) AS race_source_concept_id,
        coalesce(ethnicity[1], ethnicity_concept_id) AS ethnicity_concept_id,
        coalesce(ethnicity[2], ethnicity_source_value) AS ethnicity_source_value,
        coalesce(ethnicity[3], ethnicity_source_concept_id) AS ethnicity_source_concept_id
    )
FROM one;
