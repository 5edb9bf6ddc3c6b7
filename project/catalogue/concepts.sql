-- What the codes mean.
SELECT concept_id::VARCHAR, coalesce(concept_name, ''), coalesce(domain_id, ''), coalesce(vocabulary_id, ''),
    coalesce(concept_class_id, ''), coalesce(standard_concept, ''), coalesce(concept_code, '')
FROM {concepts}
WHERE concept_id IN ({ids})
ORDER BY concept_id
