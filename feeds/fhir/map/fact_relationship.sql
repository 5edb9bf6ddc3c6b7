-- fact_relationship: mother and child.
-- Source: patient_links, patients, related_persons.
-- Rule: a RelatedPerson says whom a patient is related to and how (HL7's RoleCode MTH, NMTH, NMTHF, GESTM: the patient's
--   mother; NCHILD, DAU, SON: the patient's child, where the patient is a woman), and Patient.link (seealso) of which
--   patient that is. A RelatedPerson who is no patient here is nobody. Both ways: 4248584 mother, 4285883 child; 1147314: a
--   person.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/relatedperson.html, https://hl7.org/fhir/R4/patient.html#links; OMOP CDM
--   5.4, FACT_RELATIONSHIP (https://ohdsi.github.io/CommonDataModel/cdm54.html#fact_relationship)
WITH told AS (
    SELECT l.person_id AS mother, r.person_id AS child, r.line
    FROM related_persons r
    JOIN patient_links l ON l.related_person = r.id
    WHERE r.mother
    UNION ALL
    SELECT r.person_id, l.person_id, r.line
    FROM related_persons r
    JOIN patient_links l ON l.related_person = r.id
    SEMI JOIN patients p ON p.person_id = r.person_id AND coalesce(p.gender, p.birth_sex) IN ('female', 'F')
    WHERE r.child
),
pair AS (
    SELECT mother, child, min(line) AS line, list(line ORDER BY line) AS lines
    FROM told
    WHERE mother <> child
    GROUP BY mother, child
)
SELECT 1147314 AS domain_concept_id_1, mother AS fact_id_1, 1147314 AS domain_concept_id_2, child AS fact_id_2,
    4248584 AS relationship_concept_id, 'related_persons' AS source_table, line AS source_line, lines AS source_lines
FROM pair
UNION ALL
SELECT 1147314, child, 1147314, mother, 4285883, 'related_persons', line, lines
FROM pair
