-- view.stay: encounters, each with the visit that it is a part of, and the part of it that it is in.
-- Source: encounters. An encounter may be part of another (Encounter.partOf): a stay in a hospital has stays in units,
--   and those in rooms.
-- Rule: an encounter that is part of none that was delivered with its first day, of the same person, is a visit, as is
--   one that no visit is found for within three levels (a circle). The others are parts of the visit at the
--   top, each in the one that it names, where that is no visit itself.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/encounter-definitions.html#Encounter.partOf
WITH dated AS (
    SELECT e.id, e.person_id, whole.id AS whole
    FROM encounters e
    LEFT JOIN encounters whole
        ON whole.id = e.part_of AND whole.person_id = e.person_id AND whole.start IS NOT NULL AND whole.id <> e.id
    WHERE e.start IS NOT NULL
)
SELECT
    e.*,
    CASE
        WHEN unit.whole IS NULL THEN unit.id
        WHEN ward.whole IS NULL THEN ward.id
        WHEN stay.whole IS NULL THEN stay.id
    END AS visit,
    CASE WHEN unit.whole IS NOT NULL AND visit IS NOT NULL THEN unit.id END AS parent
FROM encounters e
JOIN dated own ON own.id = e.id AND own.person_id = e.person_id
LEFT JOIN dated unit ON unit.id = own.whole AND unit.person_id = e.person_id
LEFT JOIN dated ward ON ward.id = unit.whole AND ward.person_id = e.person_id
LEFT JOIN dated stay ON stay.id = ward.whole AND stay.person_id = e.person_id
WHERE e.start IS NOT NULL
