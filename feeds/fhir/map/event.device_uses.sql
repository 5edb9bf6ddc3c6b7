-- event.device_uses: devices that patients use.
-- Source: codesystems, device_uses, devices, single_concept.
-- Rule: a statement of use says who and when, the Device that it names what. Of several codings the first that has a
--   standard concept, in the order of lookup/codesystems.csv. A system that is not listed there names itself in the
--   report. A number that tells one device from all others stays at the provider.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/deviceusestatement.html; OMOP CDM 5.4, DEVICE_EXPOSURE
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#device_exposure)
SELECT
    u.person_id,
    'Device' AS domain_id,
    coalesce(s.vocabulary_id, d.system, 'none') AS vocabulary_id,
    d.code AS concept_code,
    32817 AS type_concept_id, -- EHR
    coalesce(u.used, u.used_start, u.recorded) AS start_datetime,
    u.used_end AS end_datetime,
    u.id AS key,
    'device_uses' AS source_table,
    u.line AS source_line
FROM device_uses u
LEFT JOIN devices d ON d.id = u.device
LEFT JOIN codesystems s ON s.system = d.system
LEFT JOIN single_concept k ON k.vocabulary_id = s.vocabulary_id AND k.concept_code = d.code
WHERE coalesce(u.used, u.used_start, u.recorded) IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY u.id ORDER BY k.concept_code IS NOT NULL DESC, CAST(s.preference AS INTEGER) NULLS LAST, d.coding) = 1
